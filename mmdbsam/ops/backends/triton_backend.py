"""MSDA on CUDA by fused Triton kernels, without a compiled extension."""

import os
from functools import lru_cache
from typing import Callable, Dict, Tuple

import torch
from torch import Tensor

from mmdbsam.ops.backends.kernel_arguments import kernel_arguments
from mmdbsam.ops.shapes import Shapes

_INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
DEVICES = ('cuda', 'cpu') if _INTERPRETED else ('cuda', )
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

# The longest side whose pixels the kernels find in float32.
_LONGEST_SPLIT_SIDE = 4096


@lru_cache(maxsize=1)
def unusable_because() -> str:
    """Why Triton cannot be used here, or ``''`` if it can."""
    try:
        import triton  # noqa: F401
    except ImportError as error:
        return f'Triton cannot be imported ({error})'
    if _INTERPRETED or torch.cuda.is_available():
        return ''
    return 'torch sees no CUDA device'


def forward(value: Tensor, shapes: Shapes, sampling_locations: Tensor,
            attention_weights: Tensor) -> Tensor:
    """Compute MSDA; see :mod:`mmdbsam.ops.backends`."""
    from mmdbsam.ops.backends.triton_kernels import forward_kernel
    batch, _, heads, channels = value.shape
    queries = sampling_locations.shape[1]
    output = value.new_empty(batch, queries, heads * channels)
    if output.numel():
        sizes = _sizes(value, shapes, sampling_locations)
        forward_kernel[_grid(batch * heads, queries, sizes['width'])](
            *kernel_arguments(value, shapes, sampling_locations,
                              attention_weights), output, **sizes)
    return output


def backward(grad: Tensor, value: Tensor, shapes: Shapes,
             sampling_locations: Tensor,
             attention_weights: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of MSDA.

    The order of the sums in the gradient of ``value`` is not fixed.

    Raises:
        RuntimeError: Under ``torch.use_deterministic_algorithms(True)``.
    """
    from mmdbsam.ops.backends.triton_kernels import backward_kernel
    if torch.are_deterministic_algorithms_enabled():
        raise RuntimeError("backend 'triton': its gradients are not "
                           'deterministic; set MMDBSAM_MSDA_BACKEND=torch')
    # Many samples add to the gradient of one value, and float16 would lose
    # their small shares.
    grad_value = torch.zeros(value.shape, dtype=_sum_type(value),
                             device=value.device)
    grad_locations, grad_weights = (
        torch.empty_like(x, memory_format=torch.contiguous_format)
        for x in (sampling_locations, attention_weights))
    if grad.numel():
        sizes = _sizes(value, shapes, sampling_locations)
        planes = value.shape[0] * value.shape[2]
        backward_kernel[_grid(planes, sizes['queries'], sizes['width'])](
            grad.contiguous(),
            *kernel_arguments(value, shapes, sampling_locations,
                              attention_weights),
            grad_value, grad_locations, grad_weights, **sizes)
    return grad_value.to(value.dtype), grad_locations, grad_weights


def _grid(planes: int, queries: int, width: int) -> Callable:
    """How many programs run, for given launch parameters."""

    def programs(parameters: Dict[str, int]) -> Tuple[int, int]:
        rows = parameters['TILE_H']
        columns = parameters['BLOCK_Q'] // rows
        return _ceil_div(_ceil_div(queries, width), rows) * _ceil_div(width, columns), planes

    return programs


def _grid_width(shapes: Shapes, queries: int) -> int:
    """The queries in a row of their grid.

    Where they can be grids as wide as the first level, they are taken for
    such; only the speed depends on it.
    """
    width = shapes[0][1]
    return queries if queries % width else width


def _sizes(value: Tensor, shapes: Shapes,
           sampling_locations: Tensor) -> Dict[str, object]:
    """The numbers that the kernels are called and compiled with."""
    import triton
    import triton.language as tl
    _, tokens, heads, channels = value.shape
    _, queries, _, levels, points, _ = sampling_locations.shape
    is_double = _sum_type(value) == torch.float64
    longest = max(side for shape in shapes for side in shape)
    is_large = max(tokens * heads * channels,
                   queries * heads * max(2 * levels * points, channels)
                   ) >= 1 << 31
    return dict(queries=queries, width=_grid_width(shapes, queries),
                tokens=tokens, HEADS=heads, CHANNELS=channels, LEVELS=levels,
                POINTS=points,
                BLOCK_D=triton.next_power_of_2(channels),
                SUM=tl.float64 if is_double else tl.float32,
                SPLIT=not is_double and longest <= _LONGEST_SPLIT_SIDE,
                INDEX=tl.int64 if is_large else tl.int32)


def _sum_type(value: Tensor) -> torch.dtype:
    return torch.promote_types(value.dtype, torch.float32)


def _ceil_div(number: int, part: int) -> int:
    return -(-number // part)
