"""MSDA on CUDA by fused Triton kernels, without a compiled extension."""

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Dict, Tuple

import torch
from torch import Tensor

from mmdbsam.ops.backends.kernel_arguments import kernel_arguments
from mmdbsam.ops.shapes import Shapes

if TYPE_CHECKING:
    from mmdbsam.ops.tuning import Launcher

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
    batch, _, heads, channels = value.shape
    output = value.new_empty(batch, sampling_locations.shape[1],
                             heads * channels)
    if output.numel():
        launch = _launcher('forward', value.dtype, value.shape, tuple(shapes),
                           sampling_locations.shape)
        launch(*kernel_arguments(value, shapes, sampling_locations,
                                 attention_weights), output)
    return output


def backward(grad: Tensor, value: Tensor, shapes: Shapes,
             sampling_locations: Tensor,
             attention_weights: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of MSDA.

    The order of the sums in the gradient of ``value`` is not fixed.

    Raises:
        RuntimeError: Under ``torch.use_deterministic_algorithms(True)``.
    """
    if torch.are_deterministic_algorithms_enabled():
        raise RuntimeError("backend 'triton': its gradients are not "
                           'deterministic; set MMDBSAM_MSDA_BACKEND=torch')
    # Many samples add to the gradient of one value, and float16 would lose
    # their small shares.
    grad_value = torch.zeros(value.shape, dtype=_sum_type(value.dtype),
                             device=value.device)
    grad_locations, grad_weights = (
        torch.empty_like(x, memory_format=torch.contiguous_format)
        for x in (sampling_locations, attention_weights))
    if grad.numel():
        launch = _launcher('backward', value.dtype, value.shape,
                           tuple(shapes), sampling_locations.shape)
        launch(grad.contiguous(),
               *kernel_arguments(value, shapes, sampling_locations,
                                 attention_weights),
               grad_value, grad_locations, grad_weights)
    return grad_value.to(value.dtype), grad_locations, grad_weights


@lru_cache(maxsize=256)
def _launcher(name: str, dtype: torch.dtype, value_shape: torch.Size,
              shapes: Shapes, locations_shape: torch.Size) -> 'Launcher':
    """What launches a kernel for tensors of such shapes and of one type."""
    from mmdbsam.ops.backends import triton_kernels
    from mmdbsam.ops.tuning import Launcher
    sizes = _sizes(dtype, value_shape, shapes, locations_shape)
    grid = _grid(value_shape[0] * value_shape[2], sizes['queries'],
                 sizes['width'])
    return Launcher(getattr(triton_kernels, f'{name}_kernel'), grid, sizes)


def _grid(planes: int, queries: int, width: int) -> Callable:
    """How many programs run, for given launch parameters."""

    def programs(parameters: Dict[str, int]) -> Tuple[int, int]:
        rows = parameters['TILE_H']
        columns = parameters['BLOCK_Q'] // rows
        tiles = _ceil_div(_ceil_div(queries, width), rows)
        return tiles * _ceil_div(width, columns), planes

    return programs


def _grid_width(shapes: Shapes, queries: int) -> int:
    """The queries in a row of their grid.

    Where they can be grids as wide as the first level, they are taken for
    such; only the speed depends on it.
    """
    width = shapes[0][1]
    return queries if queries % width else width


def _sizes(dtype: torch.dtype, value_shape: torch.Size, shapes: Shapes,
           locations_shape: torch.Size) -> Dict[str, object]:
    """The numbers that the kernels are called and compiled with."""
    import triton
    import triton.language as tl
    _, tokens, heads, channels = value_shape
    _, queries, _, levels, points, _ = locations_shape
    is_double = _sum_type(dtype) == torch.float64
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


def _sum_type(dtype: torch.dtype) -> torch.dtype:
    return torch.promote_types(dtype, torch.float32)


def _ceil_div(number: int, part: int) -> int:
    return -(-number // part)
