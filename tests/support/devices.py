"""The devices that a test runs on."""

import pytest
import torch
from torch import nn

from mmdbsam.registry import MODELS

HAS_GPU = torch.cuda.is_available()


@pytest.fixture(params=['cpu', 'cuda'] if HAS_GPU else ['cpu'])
def device(request, monkeypatch):
    """Run a test on the CPU, and on the GPU where there is one.

    What the test makes without naming a device lies on this one, and float32
    is computed as such.
    """
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    with torch.device(request.param):
        yield request.param


def build_here(cfg: dict) -> nn.Module:
    """Build a model on the device that the test runs on.

    Its preprocessing learns the device only when it is moved there.
    """
    return MODELS.build(cfg).to(torch.get_default_device())
