"""MSDA on CPUs by fused kernels that need no compiler."""

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from itertools import pairwise
from typing import Callable, Optional, Tuple

import numpy as np
import torch
from torch import Tensor

from mmdbsam.ops.shapes import Shapes, level_starts

DEVICES = ('cpu',)
DTYPES = (torch.float32, torch.float64)

# The number of queries in a unit of work. The values that a query has read are
# still in the cache when the next query, a pixel further, reads them again.
QUERY_BLOCK = 512
# The number of multiply-adds below which starting threads costs more than it
# saves.
_SMALL = 1 << 20
# The number of ranges of units for each thread. As threads take them one after
# the other, a core that is slowed by other programs does not hold up the rest.
_RANGES_PER_THREAD = 4

_pool: Optional[ThreadPoolExecutor] = None
_pool_size = 0


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
    _run(kernels(channels).forward, units,
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
    _run(kernels(channels).backward, batch * heads * len(shapes),
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


def _run(kernel: Callable, units: int, work: int, args: tuple) -> None:
    """Run a kernel on all units, on as many threads as torch would use."""
    threads = torch.get_num_threads()
    ranges = min(units, threads * _RANGES_PER_THREAD)
    if threads == 1 or ranges <= 1 or work < _SMALL:
        kernel(0, units, *args)
        return
    bounds = [units * i // ranges for i in range(ranges + 1)]
    pool = _threads(threads)
    tasks = [pool.submit(kernel, first, last, *args)
             for first, last in pairwise(bounds)]
    for task in tasks:
        task.result()


def _threads(count: int) -> ThreadPoolExecutor:
    global _pool, _pool_size
    if _pool is None or _pool_size != count:
        _pool, _pool_size = ThreadPoolExecutor(count, 'mmdbsam-msda'), count
    return _pool


def _forget_threads() -> None:
    global _pool
    _pool = None


# A forked process inherits the parent's executor, but not its threads.
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_forget_threads)
