"""What only a GPU can show."""

import pytest
import torch
from mmengine.registry import init_default_scope


@pytest.fixture(autouse=True)
def gpu():
    """Skip the tests of this folder where there is no GPU."""
    if not torch.cuda.is_available():
        pytest.skip('torch sees no CUDA device')
    init_default_scope('mmdbsam')
    torch.manual_seed(0)


@pytest.fixture(autouse=True)
def untuned(gpu, monkeypatch):
    """Compile one candidate of each kernel, as compiling takes seconds."""
    from mmdbsam.models.backbones import rel_pos_kernels
    from mmdbsam.ops.backends import triton_kernels
    for module in (triton_kernels, rel_pos_kernels):
        for kernel in vars(module).values():
            if hasattr(kernel, 'configs'):
                monkeypatch.setattr(kernel, 'configs', kernel.configs[:1])
