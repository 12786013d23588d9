"""Every backend in float32 against the torch backend in float64."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from mmdbsam.ops.backend_choice import available_backends
from mmdbsam.ops.backends import BACKENDS

REASONS = available_backends()
# Interpreted on the CPU without a GPU (tests/conftest.py).
DEVICE = {name: 'cuda' if name == 'mmcv' or torch.cuda.is_available()
          and name == 'triton' else 'cpu' for name in BACKENDS}
EXAMPLES = {'triton': 40, 'numba': 150, 'torch': 100, 'mmcv': 50}


each_usable = pytest.mark.parametrize('backend', [
    pytest.param(name, marks=pytest.mark.skipif(
        bool(reason), reason=f'{name}: {reason}'))
    for name, reason in REASONS.items()
])
FAR = torch.tensor([-1e3, -1., 2., 1e6, -1e30, 1e38])


def coordinates(side, shape, generator):
    """Draw coordinates along one axis: near, on pixels and borders, far off.

    Half of them lie on multiples of half a pixel, where the gradient jumps.
    """

    def pick(count, low=0):
        return torch.randint(low, count, shape, generator=generator)

    anywhere = torch.rand(shape, generator=generator) * 1.5 - 0.25
    on_grid = pick(2 * side + 2, low=-1) / (2 * side)
    kind = pick(10)
    near = torch.where(kind < 5, on_grid, anywhere)
    return torch.where(kind == 9, FAR[pick(len(FAR))], near)


@st.composite
def arguments(draw):
    """Draw value, shapes, locations, weights and grad in float32."""
    sides = st.integers(1, 9)
    shapes = draw(st.lists(st.tuples(sides, sides), min_size=1, max_size=3))
    batch, heads, points = (draw(st.integers(1, 3)) for _ in range(3))
    queries = draw(st.integers(0, 5))
    channels = draw(st.sampled_from([1, 3, 8]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    samples = (batch, queries, heads, len(shapes), points)
    locations = torch.stack([
        torch.stack([coordinates(side, (batch, queries, heads, points),
                                 generator) for side in (w, h)], dim=-1)
        for h, w in shapes], dim=3)

    def normal(*size):
        return torch.randn(*size, generator=generator)

    tokens = sum(h * w for h, w in shapes)
    value = normal(batch, tokens, heads, channels)
    grad = normal(batch, queries, heads * channels)
    if draw(st.booleans()):  # These are views that are not contiguous.
        value = value.transpose(1, 3).contiguous().transpose(1, 3)
        grad = grad.transpose(1, 2).contiguous().transpose(1, 2)
        locations = locations.flip(0).transpose(0, 4).contiguous().transpose(
            0, 4)
    return value, shapes, locations, normal(*samples), grad


def run(backend, device, dtype, value, shapes, locations, weights, grad):
    value, locations, weights, grad = (
        x.to(device, dtype) for x in (value, locations, weights, grad))
    module = BACKENDS[backend]
    return [x.cpu() for x in (
        module.forward(value, shapes, locations, weights),
        *module.backward(grad, value, shapes, locations, weights))]


@each_usable
def test_equals_the_reference(backend):

    @settings(max_examples=EXAMPLES[backend], deadline=None,
              derandomize=True)
    @given(arguments())
    def check(args):
        found = run(backend, DEVICE[backend], torch.float32, *args)
        wanted = run('torch', 'cpu', torch.float64, *args)
        for name, ours, reference in zip(
                ['output', 'value', 'locations', 'weights'], found, wanted,
                strict=True):
            assert ours.shape == reference.shape
            assert ours.isfinite().all(), name
            scale = reference.abs().max().item() if reference.numel() else 0.
            torch.testing.assert_close(
                ours.double(), reference, rtol=0,
                atol=1e-5 * max(scale, 1.),
                msg=lambda text, name=name: f'{name}: {text}')

    check()


@pytest.mark.parametrize('backend', [
    name for name in BACKENDS if name != 'mmcv'])
def test_gradients_equal_finite_differences(backend):
    from mmdbsam.ops.torch_operator import msda
    device = DEVICE[backend]
    generator = torch.Generator().manual_seed(0)

    def rand(*size):
        x = torch.rand(*size, generator=generator, dtype=torch.float64)
        return x.to(device).requires_grad_()

    inputs = [rand(2, 42, 3, 4), rand(2, 4, 3, 3, 2, 2),
              rand(2, 4, 3, 3, 2)]
    shapes = [5, 7, 3, 2, 1, 1]

    def op(value, locations, weights):
        return msda(value, shapes, locations * 1.4 - 0.2, weights, backend)

    # The order of atomic additions on a GPU varies.
    tolerance = 1e-10 if device == 'cuda' else 0.
    assert torch.autograd.gradcheck(op, inputs, nondet_tol=tolerance,
                                    fast_mode=device != 'cuda'
                                    and backend == 'triton')


@each_usable
def test_what_is_not_a_number_stays_where_it_is(backend):
    """A location that is NaN reads nothing, and harms no other gradient."""
    value, weights = torch.randn(1, 12, 1, 4), torch.rand(1, 2, 1, 1, 1)
    locations = torch.full((1, 2, 1, 1, 1, 2), 0.4)
    locations[0, 1, 0, 0, 0, 0] = float('nan')
    output, *grads = run(backend, DEVICE[backend], torch.float32, value,
                         [(3, 4)], locations, weights, torch.ones(1, 2, 4))
    assert output[0, 0].abs().min() > 0 and output[0, 1].abs().max() == 0
    assert all(grad.isfinite().all() for grad in grads)
