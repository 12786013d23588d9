"""Gradient accumulation."""

import copy

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.registry import MODELS


@pytest.fixture
def trained(tiny_cfg):
    """Train with a batch in some parts, and return the weights."""
    init_default_scope('mmdbsam')

    def train(parts):
        torch.manual_seed(0)
        cfg = copy.deepcopy(tiny_cfg.model)
        cfg.image_encoder.vit.img_size = 64
        model = MODELS.build(cfg).train()
        wrapper = build_optim_wrapper(model, dict(
            type='OptimWrapper', accumulative_counts=parts,
            optimizer=dict(type='SGD', lr=0.1)))
        wrapper.initialize_count_status(model, 0, parts)
        whole = random_batch(64, 4, 2)
        size = 4 // parts
        for start in range(0, 4, size):
            model.train_step({name: values[start:start + size]
                              for name, values in whole.items()}, wrapper)
        return model.state_dict()

    return train


def test_parts_of_a_batch_train_as_the_whole(trained):
    whole, parts = trained(1), trained(2)
    for name, value in whole.items():
        torch.testing.assert_close(parts[name], value, rtol=1e-4, atol=1e-6)
