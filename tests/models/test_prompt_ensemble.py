"""Several checkpoints, whose logits are averaged."""

import json

import numpy as np
import pytest
import torch

from mmdbsam.apis import PromptInferencer, init_model
from mmdbsam.errors import InputError
from mmdbsam.models import PromptEnsemble
from mmdbsam.registry import MODELS

BOXES = torch.tensor([[10., 12., 70., 90.], [30., 30., 60., 50.]])


@pytest.fixture(scope='module')
def checkpoints(tmp_path_factory, repo_root):
    """Three random models of the tiny config."""
    from mmengine.config import Config
    cfg = Config.fromfile(repo_root / 'tests/data/dbsam_tiny_spine.py')
    folder = tmp_path_factory.mktemp('members')
    paths = []
    for seed in range(3):
        torch.manual_seed(seed)
        paths.append(folder / f'{seed}.pth')
        torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()),
                   paths[-1])
    return paths


@torch.no_grad()
def test_logits_are_means(tiny_cfg, checkpoints):
    ensemble = init_model(tiny_cfg, checkpoints, 'cpu')
    assert isinstance(ensemble, PromptEnsemble)
    image = torch.randn(2, 3, 128, 128)
    points = (torch.tensor([[[20., 30.]], [[40., 40.]]]),
              torch.ones(2, 1, dtype=torch.int64))
    masks = torch.randn(2, 1, *ensemble.mask_input_size)
    found = ensemble.decode_prompts(ensemble.encode_image(image)[1:], BOXES,
                                    points, masks)
    alone = []
    for path in checkpoints:
        model = init_model(tiny_cfg, path, 'cpu')
        alone.append(model.decode_prompts(model.encode_image(image)[1:], BOXES,
                                          points, masks))
    for mean, each in zip(found, zip(*alone, strict=True), strict=True):
        torch.testing.assert_close(mean, torch.stack(each).mean(0))
        assert not torch.allclose(each[0], each[1], atol=1e-3)


def test_inference_averages_too(tiny_cfg, checkpoints):
    image = np.random.default_rng(0).integers(0, 256, (90, 120), np.uint8)
    both = [PromptInferencer(tiny_cfg, one, 'cpu').set_image(image).segment(
        [10, 12, 70, 80]).logits for one in (
            *checkpoints[:2], [*map(str, checkpoints[:2])])]
    np.testing.assert_allclose(both[2], (both[0] + both[1]) / 2, atol=1e-4)


def test_a_test_of_several_checkpoints(command, repo_root, checkpoints,
                                       folded_spine, tmp_path):
    words = ('--work-dir', tmp_path / 'work', '--cfg-options',
             f'data_root={folded_spine}')
    config = repo_root / 'tests/data/dbsam_tiny_spine.py'
    command('test', config, *checkpoints[:2], '--report', tmp_path / 'both',
            *words)
    summary = json.loads((tmp_path / 'both/summary.json').read_text())
    assert summary['provenance']['checkpoint'] == [*map(str, checkpoints[:2])]
    assert len(summary['provenance']['checkpoint_sha256']) == 2
    # An ensemble of one model twice is the model.
    for name, paths in (('twice', checkpoints[:1] * 2),
                        ('once', checkpoints[:1])):
        command('test', config, *paths, '--report', tmp_path / name, *words)
    rows = [(tmp_path / name / 'cases.csv').read_text()
            for name in ('once', 'twice', 'both')]
    assert rows[0] == rows[1] != rows[2]


def test_members_must_fit(tiny_cfg, checkpoints, tmp_path):
    state = torch.load(checkpoints[1], weights_only=True)['state_dict']
    state.popitem()
    torch.save(state, tmp_path / 'broken.pth')
    with pytest.raises(InputError, match='broken.pth is of another'):
        init_model(tiny_cfg, [checkpoints[0], tmp_path / 'broken.pth'], 'cpu')
