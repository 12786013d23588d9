"""The GPU's kernels for MSDA against the reference in float64."""

import pytest
import torch

from mmdbsam.ops import available_backends, multi_scale_deformable_attn
from mmdbsam.ops.backends import BACKENDS
from mmdbsam.ops.shapes import level_starts
from mmdbsam.ops.torch_operator import msda, msda_backward

# The levels, the number of queries, heads, channels and points.
CASES = {
    'queries on a grid': ([(32, 32)] * 4, 1024, 12, 64, 4),
    'queries on no grid': ([(9, 13), (4, 5)], 77, 3, 5, 2),
    'narrow heads': ([(16, 16)], 512, 2, 32, 4),
    'a side of more than 4096': ([(2, 5000)], 64, 2, 16, 2),
}
TOLERANCES = {torch.float64: 1e-12, torch.float32: 1e-5,
              torch.float16: 2e-3, torch.bfloat16: 2e-2}


def draw(case, dtype):
    """Value, shapes, locations, some outside, weights, and a gradient."""
    shapes, queries, heads, channels, points = CASES[case]
    tokens = sum(h * w for h, w in shapes)
    samples = (2, queries, heads, len(shapes), points)

    def normal(*size):
        return torch.randn(*size, device='cuda').to(dtype)

    locations = torch.rand(*samples, 2, device='cuda') * 1.4 - 0.2
    return (normal(2, tokens, heads, channels), shapes, locations.to(dtype),
            normal(*samples), normal(2, queries, heads * channels))


def run(backend, value, shapes, locations, weights, grad):
    module = BACKENDS[backend]
    return [module.forward(value, shapes, locations, weights),
            *module.backward(grad, value, shapes, locations, weights)]


def check(found, wanted, tolerance):
    for name, ours, reference in zip(
            ['output', 'value', 'locations', 'weights'], found, wanted,
            strict=True):
        assert ours.isfinite().all(), name
        scale = reference.abs().max().item()
        torch.testing.assert_close(
            ours.double(), reference, rtol=0, atol=tolerance * scale,
            msg=lambda text, name=name: f'{name}: {text}')


@pytest.mark.parametrize('dtype', TOLERANCES)
@pytest.mark.parametrize('case', CASES)
def test_triton_equals_the_reference(case, dtype):
    value, shapes, *rest = draw(case, dtype)
    wanted = run('torch', value.double(), shapes, *(x.double() for x in rest))
    check(run('triton', value, shapes, *rest), wanted, TOLERANCES[dtype])


@pytest.mark.parametrize('name', ['forward', 'backward'])
def test_every_candidate_computes_the_same(name, monkeypatch):
    """Whatever the tuner chooses, its numbers are right."""
    import triton

    from mmdbsam.ops.backends import triton_backend, triton_kernels
    kernel = getattr(triton_kernels, f'{name}_kernel')
    value, shapes, *rest = draw('queries on a grid', torch.float32)
    wanted = run('torch', value.double(), shapes, *(x.double() for x in rest))
    for queries, rows, warps in triton_kernels._CANDIDATES[name]:
        config = triton.Config(dict(BLOCK_Q=queries, TILE_H=rows),
                               num_warps=warps)
        monkeypatch.setattr(kernel, 'configs', [config])
        triton_backend._launcher.cache_clear()
        check(run('triton', value, shapes, *rest), wanted, 1e-5)
    triton_backend._launcher.cache_clear()


def test_the_second_call_computes_the_same():
    """It does not ask the tuner."""
    value, shapes, *rest = draw('queries on no grid', torch.float32)
    first, second = (run('triton', value, shapes, *rest) for _ in range(2))
    for before, after in zip(first, second, strict=True):
        torch.testing.assert_close(before, after)


def test_pixel_centres_are_exact():
    """Float32 alone would put some of them into the neighbouring cell."""
    side = 3000
    value = torch.arange(side, device='cuda', dtype=torch.float32)
    centres = (torch.arange(side, device='cuda') + 0.5).double() / side
    locations = torch.stack([centres, torch.full_like(centres, 0.5)], -1)
    inputs = (value.view(1, side, 1, 1), [(1, side)],
              locations.float().view(1, side, 1, 1, 1, 2),
              torch.ones(1, side, 1, 1, 1, device='cuda'),
              torch.ones(1, side, 1, device='cuda'))
    doubles = [x if isinstance(x, list) else x.double() for x in inputs]
    check(run('triton', *inputs)[2:3] * 4, run('torch', *doubles)[2:3] * 4,
          1e-6)


@pytest.mark.skipif(bool(available_backends()['mmcv']),
                    reason=available_backends()['mmcv'])
def test_mmcv_equals_the_reference():
    value, shapes, *rest = draw('queries on a grid', torch.float32)
    wanted = run('torch', value.double(), shapes, *(x.double() for x in rest))
    found = run('mmcv', value, shapes, *rest)
    # mmcv rounds pixels, so that a few gradients are a neighbour's.
    check(found[:2] + found[3:] * 2, wanted[:2] + wanted[3:] * 2, 1e-4)


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16,
                                   torch.float16])
def test_is_registered_as_torch_demands(dtype):
    value, shapes, locations, weights, grad = (
        x if isinstance(x, list) else x.requires_grad_()
        for x in draw('queries on no grid', dtype))
    flat = [side for shape in shapes for side in shape]
    torch.library.opcheck(msda, (value, flat, locations, weights, 'triton'))
    torch.library.opcheck(
        msda_backward, (grad, value, flat, locations, weights, 'triton'))


def test_autocast_computes_in_float32():
    value, shapes, locations, weights, _ = draw('queries on a grid',
                                                torch.bfloat16)
    with torch.autocast('cuda', torch.bfloat16):
        found = multi_scale_deformable_attn(
            value, shapes, level_starts(shapes), locations, weights)
    assert found.dtype == torch.float32
