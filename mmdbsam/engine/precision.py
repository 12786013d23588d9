"""The number format of mixed precision, where the machine gains from it."""

import time
from functools import lru_cache
from typing import Union

import torch

# A product of this side takes a few milliseconds in float32.
_SIDE = 384
_RUNS = 3
NOTE = ('--amp: this CPU multiplies faster in float32 than in bfloat16, so '
        "float32 is used; '--amp force' insists on bfloat16")


def amp_dtype(amp: Union[bool, str, None], device: str) -> torch.dtype:
    """The format that ``--amp`` stands for on a device.

    Args:
        amp: ``'force'`` for mixed precision whatever it costs; True or
            ``'auto'`` for it where the device gains from it; None or False
            for float32.
        device: The type of the device, ``'cpu'`` or ``'cuda'``.

    Returns:
        torch.dtype: ``torch.float32`` where nothing is mixed; ``bfloat16``;
        or ``float16``, on GPUs that lack bfloat16.
    """
    if not amp or (amp != 'force' and device == 'cpu'
                   and not gains_from_bfloat16()):
        return torch.float32
    if device == 'cuda' and not torch.cuda.is_bf16_supported(
            including_emulation=False):
        return torch.float16
    return torch.bfloat16


@lru_cache
def gains_from_bfloat16() -> bool:
    """Whether this CPU multiplies matrices faster in bfloat16.

    CPUs without such instructions emulate them, which takes 2 to 300 times as
    long as float32. The products are timed, because neither the CPU's flags
    nor torch tell what oneDNN and its environment variables make of them.
    """
    threads = torch.get_num_threads()
    # The time that one thread computes does not depend on the machine's load.
    torch.set_num_threads(1)
    try:
        return _seconds(torch.bfloat16) < _seconds(torch.float32)
    finally:
        torch.set_num_threads(threads)


def _seconds(dtype: torch.dtype) -> float:
    """The computing time of a product, the least of some runs."""
    matrix = torch.ones(_SIDE, _SIDE, dtype=dtype)
    times = []
    for _ in range(_RUNS):
        start = time.thread_time()
        torch.matmul(matrix, matrix)
        times.append(time.thread_time() - start)
    return min(times)
