"""The GPU's attention with relative positions, in Triton's interpreter.

On a machine with a GPU, tests/gpu compiles and runs it.
"""

import pytest
import torch

from mmdbsam.models.backbones import rel_pos_fused
from mmdbsam.models.backbones.rel_pos_attention import (
    _form,
    attend_at_once,
)
from mmdbsam.models.backbones.rel_pos_fused import (
    attend_fused,
    can_attend_fused,
    rel_pos_attention,
)
from mmdbsam.ops.backends import triton_backend

interpreted = pytest.mark.skipif(
    not triton_backend._INTERPRETED or bool(triton_backend.unusable_because()),
    reason='Triton does not interpret its kernels here')
# Images, heads, height, width and channels of a head: several blocks of
# queries, sides and channels that are no powers of two.
SHAPES = [(1, 2, 5, 17, 12), (2, 1, 9, 3, 16), (1, 1, 1, 2, 40)]


def draw(shape, dtype=torch.float32):
    """Queries, keys and values as a projection makes them, and terms."""
    torch.manual_seed(0)
    n, heads, height, width, channels = shape
    parts = torch.randn(n, height, width, 3, heads, channels)
    q, k, v = parts.to(dtype).permute(3, 0, 4, 1, 2, 5).unbind()
    terms = (torch.randn(n, heads, height, width, side, dtype=dtype)
             for side in (height, width))
    return [x.detach().requires_grad_() for x in (
        q * channels**-0.5, k, v, *terms)]


@interpreted
@pytest.mark.parametrize('shape', SHAPES)
def test_equals_the_plain_form_in_float64(shape):
    inputs = draw(shape)
    doubles = [x.detach().double().requires_grad_() for x in inputs]
    found, wanted = attend_fused(*inputs), attend_at_once(*doubles)
    torch.testing.assert_close(found.double(), wanted, rtol=1e-5, atol=1e-5)
    slope = torch.randn_like(found)
    for name, ours, reference in zip(
            ['q', 'k', 'v', 'rows', 'columns'],
            torch.autograd.grad(found, inputs, slope),
            torch.autograd.grad(wanted, doubles, slope.double()),
            strict=True):
        torch.testing.assert_close(ours.double(), reference, rtol=1e-4,
                                   atol=1e-5, msg=name)


@interpreted
def test_is_registered_as_torch_demands():
    torch.library.opcheck(rel_pos_attention, draw(SHAPES[1]))


@interpreted
def test_large_scores_stay_finite():
    """The softmax is computed relative to the largest score."""
    inputs = draw(SHAPES[1])
    with torch.no_grad():
        inputs[0] *= 1e4
        found = attend_fused(*inputs)
        wanted = attend_at_once(*(x.double() for x in inputs))
    torch.testing.assert_close(found.double(), wanted, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize('dtype, shared, side, channels, expected', [
    (torch.float32, 227 << 10, 64, 64, True),
    (torch.float32, 227 << 10, 64, 80, True),
    (torch.float32, 99 << 10, 64, 80, False),
    (torch.float32, 99 << 10, 14, 80, True),
    (torch.float32, 0, 14, 64, False),
    (torch.bfloat16, 227 << 10, 64, 64, False),
])
def test_when_the_kernels_are_taken(monkeypatch, dtype, shared, side,
                                    channels, expected):
    """In float32 where their tiles fit."""
    monkeypatch.setattr(rel_pos_fused, '_shared_bytes', lambda: shared)

    class Query(torch.Tensor):
        is_cuda = True

    q = torch.empty(1, 1, side, side, channels, dtype=dtype).as_subclass(Query)
    assert can_attend_fused(q) == expected


def test_a_cpu_does_not_take_them():
    q, k, v, rows, columns = draw(SHAPES[0])
    assert not can_attend_fused(q)
    assert _form(q, rows) is not attend_fused
