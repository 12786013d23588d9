"""The fused kernels of attention with relative positions."""

import pytest
import torch

from mmdbsam.models.backbones.rel_pos_attention import attend_at_once
from mmdbsam.models.backbones.rel_pos_fused import (
    attend_fused,
    rel_pos_attention,
)

# Batch, heads, height, width and channels of a head.
SHAPES = [(1, 2, 64, 64, 64), (3, 2, 14, 14, 80), (2, 3, 5, 9, 12)]
TOLERANCES = {torch.float32: 1e-5, torch.float16: 4e-3,
              torch.bfloat16: 3e-2}


def draw(shape, dtype):
    """Queries, keys and values as a projection makes them, and terms."""
    n, heads, height, width, channels = shape
    parts = torch.randn(n, height, width, 3, heads, channels, device='cuda')
    q, k, v = parts.to(dtype).permute(3, 0, 4, 1, 2, 5).unbind()
    terms = (torch.randn(n, heads, height, width, side, device='cuda')
             for side in (height, width))
    return [x.detach().requires_grad_() for x in (
        q * channels**-0.5, k, v, *(term.to(dtype) for term in terms))]


@pytest.mark.parametrize('dtype', TOLERANCES)
@pytest.mark.parametrize('shape', SHAPES)
def test_equals_the_plain_form_in_float64(shape, dtype):
    inputs = draw(shape, dtype)
    doubles = [x.detach().double().requires_grad_() for x in inputs]
    found, wanted = attend_fused(*inputs), attend_at_once(*doubles)
    slope = torch.randn_like(found)
    pairs = [(found, wanted), *zip(
        torch.autograd.grad(found, inputs, slope),
        torch.autograd.grad(wanted, doubles, slope.double()), strict=True)]
    for name, (ours, reference) in zip(
            ['output', 'q', 'k', 'v', 'rows', 'columns'], pairs, strict=True):
        error = (ours.double() - reference).norm() / reference.norm()
        assert error < TOLERANCES[dtype], name


def test_is_registered_as_torch_demands():
    torch.library.opcheck(rel_pos_attention,
                          draw(SHAPES[-1], torch.float32))
