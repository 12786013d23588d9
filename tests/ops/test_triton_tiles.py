"""The tiles of queries that Triton's kernels for MSDA work on."""

import pytest
import torch

from mmdbsam.ops.backends import torch_backend, triton_backend

pytestmark = pytest.mark.skipif(
    not triton_backend._INTERPRETED or bool(triton_backend.unusable_because()),
    reason='Triton does not interpret its kernels here')


def draw(shapes, queries):
    """Value, shapes, locations, weights, and the gradient of the output."""
    torch.manual_seed(0)
    tokens = sum(h * w for h, w in shapes)
    samples = (1, queries, 2, len(shapes), 1)
    return (torch.randn(1, tokens, 2, 5), shapes,
            torch.rand(*samples, 2) * 1.4 - 0.2, torch.randn(samples),
            torch.randn(1, queries, 10))


def run(backend, value, shapes, locations, weights, grad):
    return [backend.forward(value, shapes, locations, weights),
            *backend.backward(grad, value, shapes, locations, weights)]


@pytest.fixture
def tile(monkeypatch):
    """Let the kernels work on tiles of some queries in some rows."""
    import triton

    from mmdbsam.ops.backends import triton_kernels

    def use(queries, rows):
        config = triton.Config(dict(BLOCK_Q=queries, TILE_H=rows))
        for name in ('forward_kernel', 'backward_kernel'):
            monkeypatch.setattr(getattr(triton_kernels, name), 'configs',
                                [config])
        triton_backend._launcher.cache_clear()

    yield use
    triton_backend._launcher.cache_clear()


# The queries are as many as the first level has pixels, or no multiple of its
# width. The tiles fill some of these grids.
@pytest.mark.parametrize('size, shapes, queries', [
    ((16, 4), [(4, 8), (3, 2)], 32), ((16, 4), [(6, 5)], 30),
    ((8, 1), [(6, 5)], 31)])
def test_every_tile_computes_the_same(tile, size, shapes, queries):
    value, shapes, *rest = draw(shapes, queries)
    wanted = run(torch_backend, value.double(), shapes,
                 *(x.double() for x in rest))
    tile(*size)
    found = run(triton_backend, value, shapes, *rest)
    for ours, reference in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours.double(), reference, rtol=1e-5,
                                   atol=1e-5)


def test_the_second_call_computes_the_same(tile):
    """It does not ask the tuner."""
    inputs = draw([(2, 3)], 6)
    tile(8, 1)
    first, second = (run(triton_backend, *inputs) for _ in range(2))
    for before, after in zip(first, second, strict=True):
        torch.testing.assert_close(before, after)
