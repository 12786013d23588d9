"""MSDA on CPUs by fused kernels that need no compiler."""

from functools import lru_cache
from typing import Tuple

import numpy as np
import torch
from torch import Tensor

from mmdbsam.ops.shapes import Shapes, level_starts
from mmdbsam.ops.threads import run_on_threads

DEVICES = ('cpu',)
DTYPES = (torch.float32, torch.float64)

# The number of queries in a unit of work. The values that a query has read are
# still in the cache when the next query, a pixel further, reads them again.
QUERY_BLOCK = 512


@lru_cache(maxsize=1)
def unusable_because() -> str:
    """Why numba cannot be used here, or ``''`` if it can."""
    try:
        import numba  # noqa: F401
    except ImportError as error:
        return f'numba cannot be imported ({error})'
    return ''


def forward(value: Tensor, shapes: Shapes, sampling_locations: Tensor,
            attention_weights: Tensor) -> Tensor:
    """Compute MSDA; see :mod:`mmdbsam.ops.backends`."""
    from mmdbsam.ops.backends.numba_kernels import kernels
    batch, queries, heads = sampling_locations.shape[:3]
    channels = value.shape[3]
    output = value.new_empty(batch, queries, heads * channels)
    arrays = _arrays(value, shapes, sampling_locations, attention_weights)
    units = batch * heads * -(-queries // QUERY_BLOCK)
    run_on_threads(
        kernels(channels).forward, units,
        attention_weights.numel() * channels,
        (QUERY_BLOCK, *arrays,
         output.view(batch, queries, heads, channels).numpy()))
    return output


def backward(grad: Tensor, value: Tensor, shapes: Shapes,
             sampling_locations: Tensor,
             attention_weights: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of MSDA, the same for any number of threads."""
    from mmdbsam.ops.backends.numba_kernels import kernels
    batch, _, heads, channels = value.shape
    # The kernel skips samples outside a level, whose gradients stay zero.
    grads = [torch.zeros_like(x, memory_format=torch.contiguous_format)
             for x in (value, sampling_locations, attention_weights)]
    arrays = _arrays(value, shapes, sampling_locations, attention_weights)
    per_head = grad.reshape(batch, -1, heads, channels).contiguous()
    run_on_threads(
        kernels(channels).backward, batch * heads * len(shapes),
        3 * attention_weights.numel() * channels,
        (per_head.detach().numpy(), *arrays, *(x.numpy() for x in grads)))
    return tuple(grads)


def _arrays(value: Tensor, shapes: Shapes, sampling_locations: Tensor,
            attention_weights: Tensor) -> Tuple[np.ndarray, ...]:
    value, sampling_locations, attention_weights = (
        x.detach().contiguous().numpy()
        for x in (value, sampling_locations, attention_weights))
    return (value, np.array(shapes, np.int64),
            np.array(level_starts(shapes), np.int64), sampling_locations,
            attention_weights)
