"""MSDA on CUDA by fused Triton kernels, without a compiled extension.

The kernels were run in Triton's interpreter and compiled for a GPU, but they
were not timed on one, so that the launch parameters are not tuned.
"""

import os
from functools import lru_cache
from typing import Dict, Tuple

import torch
from torch import Tensor

from mmdbsam.ops.backends.kernel_arguments import kernel_arguments
from mmdbsam.ops.shapes import Shapes

_INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
DEVICES = ('cuda', 'cpu') if _INTERPRETED else ('cuda', )
DTYPES = (torch.float32, torch.float16, torch.bfloat16, torch.float64)

# These launch parameters are not tuned.
BLOCK_Q = 16
NUM_WARPS = 4


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
    batch, tokens, heads, channels = value.shape
    queries = sampling_locations.shape[1]
    output = value.new_empty(batch, queries, heads * channels)
    if output.numel():
        forward_kernel[_grid(batch * heads, queries)](
            *kernel_arguments(value, shapes, sampling_locations,
                              attention_weights), output,
            queries, tokens, heads, channels,
            **_launch(value, sampling_locations))
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
    batch, tokens, heads, channels = value.shape
    queries = sampling_locations.shape[1]
    # Many samples add to the gradient of one value, and float16 would lose
    # their small shares.
    grad_value = torch.zeros(value.shape, dtype=_sum_type(value),
                             device=value.device)
    grad_locations, grad_weights = (
        torch.empty_like(x, memory_format=torch.contiguous_format)
        for x in (sampling_locations, attention_weights))
    if grad.numel():
        backward_kernel[_grid(batch * heads, queries)](
            grad.contiguous(),
            *kernel_arguments(value, shapes, sampling_locations,
                              attention_weights),
            grad_value, grad_locations, grad_weights,
            queries, tokens, heads, channels,
            **_launch(value, sampling_locations))
    return grad_value.to(value.dtype), grad_locations, grad_weights


def _grid(planes: int, queries: int) -> Tuple[int, int]:
    return -(-queries // BLOCK_Q), planes


def _launch(value: Tensor, sampling_locations: Tensor) -> Dict[str, object]:
    import triton
    import triton.language as tl
    levels, points = sampling_locations.shape[3:5]
    is_double = _sum_type(value) == torch.float64
    return dict(LEVELS=levels, POINTS=points, BLOCK_Q=BLOCK_Q,
                BLOCK_D=triton.next_power_of_2(value.shape[3]),
                SUM=tl.float64 if is_double else tl.float32,
                num_warps=NUM_WARPS)


def _sum_type(value: Tensor) -> torch.dtype:
    return torch.promote_types(value.dtype, torch.float32)
