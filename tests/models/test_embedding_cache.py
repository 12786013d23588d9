"""Embeddings from the disk are equal to computed ones, and the right ones."""

import time

import pytest
import torch
from devices import build_here
from torch import nn

from mmdbsam.errors import InputError
from mmdbsam.models.embedding_cache import EmbeddingCache

pytestmark = pytest.mark.usefixtures('device')


class Encoder(nn.Conv2d):
    """An encoder that counts the images that it encodes."""

    def __init__(self):
        super().__init__(3, 4, 3)
        self.encoded = 0

    def forward(self, images):
        self.encoded += len(images)
        return super().forward(images)


@pytest.fixture
def encoder():
    torch.manual_seed(0)
    return Encoder().eval()


@pytest.fixture
def images():
    return torch.arange(2 * 3 * 8 * 8.).view(2, 3, 8, 8) / 100


def test_only_new_images_are_encoded(encoder, images, tmp_path):
    cache = EmbeddingCache(tmp_path / 'cache')
    wanted = encoder(images).detach()
    encoder.encoded = 0
    torch.testing.assert_close(cache.encode(encoder, images[:1]), wanted[:1])
    torch.testing.assert_close(cache.encode(encoder, images), wanted)
    assert encoder.encoded == 2
    again = EmbeddingCache(tmp_path / 'cache')
    assert torch.equal(again.encode(encoder, images),
                       cache.encode(encoder, images))
    assert encoder.encoded == 2


@pytest.mark.parametrize('change', ['weight', 'image', 'precision', 'load'])
def test_a_change_is_another_embedding(encoder, images, tmp_path, change,
                                       device):
    cache = EmbeddingCache(tmp_path)
    cache.encode(encoder, images)
    if change == 'weight':
        with torch.no_grad():
            encoder.bias[0] += 1
    elif change == 'load':
        encoder.load_state_dict({name: value + 1 for name, value
                                 in encoder.state_dict().items()})
    elif change == 'image':
        images += 1
    with torch.autocast(device, torch.bfloat16, change == 'precision'), \
            torch.no_grad():
        found = cache.encode(encoder, images)
        assert encoder.encoded == 4
        assert torch.equal(found, encoder(images))


def test_the_least_recently_used_are_deleted(encoder, tmp_path):
    images = torch.randn(3, 3, 8, 8)
    EmbeddingCache(tmp_path).encode(encoder, images[:1])
    size = next(tmp_path.iterdir()).stat().st_size
    cache = EmbeddingCache(tmp_path, max_megabytes=2.5 * size / 1e6)
    for image in (images[1], images[0], images[2]):
        cache.encode(encoder, image[None])
        time.sleep(0.02)  # the file system's clock
    assert len(list(tmp_path.iterdir())) == 2
    encoder.encoded = 0
    cache.encode(encoder, images[[0, 2]])
    assert encoder.encoded == 0
    cache.encode(encoder, images[[1]])
    assert encoder.encoded == 1


def test_bad_input_is_one_line(encoder, images, tmp_path):
    with pytest.raises(InputError, match='max_megabytes: expected a positive'):
        EmbeddingCache(tmp_path, max_megabytes=0)
    cache = EmbeddingCache(tmp_path)
    cache.encode(encoder, images)
    for path in tmp_path.iterdir():
        path.write_bytes(b'no embedding')
    with pytest.raises(InputError, match='found a damaged file; delete it'):
        cache.encode(encoder, images)


def test_the_model_takes_it_in_evaluation_only(tiny_cfg, tmp_path):
    model = build_here(dict(
        tiny_cfg.model, embedding_cache=dict(folder=str(tmp_path))))
    side = model.image_encoder.img_size
    images = torch.randn(1, 3, side, side)
    model.train().encode_image(images)
    model.eval().encode_image(images)
    assert not list(tmp_path.iterdir())
    with torch.no_grad():
        first = model.encode_image(images)
        second = model.encode_image(images)
    assert len(list(tmp_path.iterdir())) == 1
    assert torch.equal(first, second)
