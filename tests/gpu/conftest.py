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
