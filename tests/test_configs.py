"""Every config builds, and the documentation names only what exists."""

import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmdbsam.registry import MODELS

ROOT = Path(__file__).parents[1]
CONFIGS = [str(path.relative_to(ROOT))
           for path in sorted((ROOT / 'configs').rglob('*.py'))
           if '_base_' not in path.parts]
BLOCKS = ('adapter', 'stem', 'neck', 'fusion')


def build(name):
    """The model of a config, without memory for its weights."""
    cfg = Config.fromfile(ROOT / name)
    with torch.device('meta'):
        return cfg, MODELS.build(cfg.model)


@pytest.mark.parametrize('name', CONFIGS)
def test_config_builds_and_its_sizes_agree(name):
    cfg, model = build(name)
    side = model.image_encoder.img_size
    assert model.data_preprocessor.size == side
    loaders = ((cfg.train_dataloader, cfg.val_evaluator),
               (cfg.val_dataloader, cfg.val_evaluator),
               (cfg.test_dataloader, cfg.test_evaluator))
    for loader, evaluator in loaders:
        sizes = [step.size for step in loader.dataset.pipeline
                 if step.type == 'ResizeLongestSide']
        assert sizes == [side]
        assert loader.dataset.data_root == evaluator.data_root
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_epochs
    with torch.device('meta'):
        embedding = model.encode_image(torch.zeros(1, 3, side, side))
    grid = model.image_encoder.out_size
    assert embedding.shape[-2:] == (grid, grid)


@pytest.mark.parametrize('name, present', [
    ('decoder_tuning', []),
    ('channel_attention', ['adapter']),
    ('conv_branch', ['adapter', 'stem', 'neck']),
    ('vit_conv_fusion', ['adapter', 'stem', 'neck', 'fusion']),
])
def test_ablations_add_one_block_after_the_other(name, present):
    cfg, _ = build(f'configs/ablations/{name}_vitb_ct.py')
    encoder = cfg.model.image_encoder
    assert [block for block in BLOCKS if encoder[block]] == present
    assert encoder.vit.arch == 'base'


@pytest.mark.parametrize('page', ['README.md', 'docs/get_started.md',
                                  'docs/benchmark.md',
                                  'docs/deformable_attention.md',
                                  'docs/model_zoo.md',
                                  'CONTRIBUTING.md'])
def test_documentation_names_what_exists(page):
    text = (ROOT / page).read_text()
    named = re.findall(r'(?:configs|tools|tests|docs|mmdbsam)/[\w./]+\w',
                       text)
    assert named or page == 'CONTRIBUTING.md'
    missing = [path for path in named if not (ROOT / path).exists()]
    assert not missing
    makefile = (ROOT / 'Makefile').read_text()
    for target in re.findall(r'`?make (\w+)', text):
        assert re.search(rf'^{target}:', makefile, re.MULTILINE), target


@pytest.mark.parametrize('name, keys', [
    ('configs/dbsam_tinyvit_ct.py',
     ['adapters', 'stem', 'necks', 'fusion']),
    ('configs/baselines/lite_medsam_whole_ct.py', ['vit.layers']),
])
def test_learning_rates_of_blocks_reach_them(name, keys):
    """A custom key that no parameter's name contains has no effect."""
    cfg, model = build(name)
    custom = cfg.optim_wrapper.paramwise_cfg.custom_keys
    trained = [parameter_name for parameter_name, parameter
               in model.named_parameters() if parameter.requires_grad]
    for block in keys:
        key = f'image_encoder.{block}'
        assert custom[key].lr_mult < 1
        assert any(found.startswith(key) for found in trained)
