"""The threads that run the kernels compiled by numba."""

import os
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from typing import Callable, Optional

import torch

# The number of multiply-adds below which starting threads costs more than it
# saves.
_SMALL = 1 << 20
# The number of ranges of units for each thread. As threads take them one after
# the other, a core that is slowed by other programs does not hold up the rest.
_RANGES_PER_THREAD = 4

_pool: Optional[ThreadPoolExecutor] = None
_pool_size = 0


def run_on_threads(kernel: Callable, units: int, work: int, args: tuple
                   ) -> None:
    """Run a kernel on all units, on as many threads as torch would use.

    Args:
        kernel: A compiled function that releases the GIL and takes the first
            unit of a range, the unit after its last, and ``args``.
        units: The number of independent units.
        work: The number of multiply-adds of all units. Little work is done in
            the calling thread.
        args: The other arguments of the kernel.
    """
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
        _pool, _pool_size = ThreadPoolExecutor(count, 'mmdbsam-kernel'), count
    return _pool


def _forget_threads() -> None:
    global _pool
    _pool = None


# A forked process inherits the parent's executor, but not its threads.
if hasattr(os, 'register_at_fork'):
    os.register_at_fork(after_in_child=_forget_threads)
