"""Damage to weights is noticed when they are loaded."""

import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from mmdbsam.errors import InputError
from mmdbsam.models.embedding_cache import EmbeddingCache
from mmdbsam.weights.loading import load_weights


@pytest.fixture
def checkpoint(tmp_path):
    """A model, and the file of its weights."""
    model = nn.Linear(40, 30)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'w.pth')
    return model, tmp_path / 'w.pth'


def test_a_flipped_bit_is_found_or_harmless(checkpoint):
    model, path = checkpoint
    wanted = {name: value.clone() for name, value in
              model.state_dict().items()}
    whole = path.read_bytes()
    for place in range(0, len(whole), 41):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 16])
                         + whole[place + 1:])
        try:
            load_weights(model, str(path))
        except InputError as error:
            assert 'w.pth' in str(error) and '\n' not in str(error)
        for name, value in model.state_dict().items():
            assert torch.equal(value, wanted[name])


def test_a_checkpoint_without_checksums_loads(checkpoint):
    model, path = checkpoint
    torch.save(model.state_dict(), path, _use_new_zipfile_serialization=False)
    load_weights(model, str(path))
    torch.serialization.set_crc32_options(False)
    try:
        torch.save(model.state_dict(), path)
    finally:
        torch.serialization.set_crc32_options(True)
    load_weights(model, str(path))


@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(checkpoint, value):
    model, path = checkpoint
    weights = model.state_dict()
    weights['weight'][3, 4] = value
    torch.save(weights, path)
    with pytest.raises(InputError, match='w.pth: expected finite weights, '
                       'found NaN or infinity in weight'):
        load_weights(model, str(path))


def test_compressed_parts(checkpoint):
    model, path = checkpoint
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    with pytest.raises(InputError, match='not compressed'):
        load_weights(model, str(path))


@pytest.mark.parametrize('content', [
    torch.full((2, 3, 3), np.nan), torch.zeros(2, 3), torch.zeros(2, 3, 4),
    dict(a=1), torch.zeros(2, 3, 3, dtype=torch.int64)])
def test_cached_embeddings_that_are_none(tmp_path, content):
    class Encoder(nn.Module):
        out_size = 3

        def forward(self, images):
            return torch.zeros(len(images), 2, 3, 3)

    cache, images = EmbeddingCache(tmp_path), torch.zeros(1, 3, 8, 8)
    cache.encode(Encoder(), images)
    path = next(tmp_path.iterdir())
    torch.save(content, path)
    with pytest.raises(InputError, match=f'{path.name}: .*; delete it'):
        cache.encode(Encoder(), images)
