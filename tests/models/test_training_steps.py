"""Configs on TinyViT train what they say, with their own optimisers."""

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.registry import MODELS


@pytest.mark.parametrize('name', [
    'dbsam_plus_tinyvit_ct', 'baselines/medsam_tinyvit_ct',
    'baselines/medsam_decoder_tinyvit_ct', 'baselines/samed_tinyvit_ct',
    'baselines/sam_adapter_tinyvit_ct'])
def test_two_steps_change_what_is_trained_and_nothing_else(name, repo_root,
                                                           device):
    init_default_scope('mmdbsam')
    torch.manual_seed(0)
    cfg = Config.fromfile(repo_root / f'configs/{name}.py')
    cfg.model.image_encoder.vit.img_size = 64
    model = MODELS.build(cfg.model).to(device).train()
    before = {key: value.clone()
              for key, value in model.state_dict().items()}
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    batch = model.data_preprocessor(random_batch(64, 2, 2))
    for _ in range(2):
        loss, _ = model.parse_losses(model(**batch, mode='loss'))
        assert loss.isfinite()
        optimizer.update_params(loss)
    changed = {key for key, value in model.state_dict().items()
               if not torch.equal(value, before[key])}
    trained = {key for key, parameter in model.named_parameters()
               if parameter.requires_grad}
    # Norms that are trained keep statistics.
    statistics = {key for key, _ in model.named_buffers()}
    assert changed - statistics <= trained
    assert len(changed & trained) > 0.9 * len(trained)
    frozen_vit = cfg.model.image_encoder.vit.get('frozen', True)
    assert bool(changed & statistics) == (not frozen_vit)
