"""Every config of a model without prompts builds and runs."""

from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import DefaultScope

from mmdbsam.engine.config import apply_options, named_configs
from mmdbsam.engine.semantic_config import is_semantic, set_classes
from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

pytest.importorskip('mmseg')
ROOT = Path(__file__).parents[1]
CONFIGS = sorted((ROOT / 'configs/semantic').glob('*.py'))
NAMES = ['liver', 'spleen']


@pytest.fixture(autouse=True)
def scope():
    with DefaultScope.overwrite_default_scope('mmdbsam'):
        yield


def build(path):
    cfg = Config.fromfile(path)
    set_classes(cfg, NAMES)
    # This backbone asks tensors for their values.
    device = 'cpu' if path.stem == 'segformer_b0_ct' else 'meta'
    with torch.device(device):
        return cfg, MODELS.build(cfg.model).eval()


def sides(pipeline):
    return [step.size for step in pipeline if step.type == 'ResizeLongestSide']


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_config_builds_and_its_sizes_and_classes_agree(path):
    cfg, model = build(path)
    assert is_semantic(cfg)
    assert cfg.refiner in named_configs()
    for pipeline in (cfg.test_pipeline, *(
            cfg[f'{split}_dataloader'].dataset.pipeline
            for split in ('train', 'val', 'test'))):
        assert sides(pipeline) == [cfg.image_size]
    side = model.data_preprocessor.size
    assert model.test_cfg.mode == 'slide' or side == cfg.image_size
    for evaluator in (cfg.val_evaluator, cfg.test_evaluator):
        assert evaluator.classes == NAMES
        assert evaluator.data_root == cfg.data_root
    device = next(model.parameters()).device
    with torch.no_grad():
        logits = model(torch.zeros(1, 3, side, side, device=device))
    assert logits.shape[:2] == (1, 1 + len(NAMES))
    assert cfg.param_scheduler[-1].end == cfg.train_cfg.max_epochs
    if hasattr(model.backbone, 'channels'):
        assert model.backbone.channels == cfg.model.decode_head.in_channels
        assert any(parameter.requires_grad for parameter
                   in model.backbone.encoder.parameters()
                   ) != model.backbone.frozen


def test_a_baseline_differs_from_dbsam_in_the_added_blocks_alone():
    for head in ('uper', 'segformer'):
        _, full = build(ROOT / f'configs/semantic/dbsam_tinyvit_{head}_ct.py')
        _, plain = build(ROOT / f'configs/semantic/lite_medsam_{head}_ct.py')
        added = full.state_dict().keys() - plain.state_dict().keys()
        assert not plain.state_dict().keys() - full.state_dict().keys()
        assert {name.split('.')[2] for name in added} == {
            'adapters', 'stem', 'necks', 'fusion'}


def test_the_image_side_can_be_overridden_at_once():
    cfg = Config.fromfile(ROOT / 'configs/semantic/dbsam_vitb_uper_ct.py')
    apply_options(cfg, dict(image_size=512))
    assert sides(cfg.test_pipeline) == [512]
    with torch.device('meta'):
        model = MODELS.build(cfg.model)
    assert model.data_preprocessor.size == 512
    assert model.backbone.encoder.img_size == 512
    crops = ROOT / 'configs/semantic/dbsam_tinyvit_uper_crops_ct.py'
    with pytest.raises(InputError, match='expected a model that sees whole'):
        apply_options(Config.fromfile(crops), dict(image_size=512))
