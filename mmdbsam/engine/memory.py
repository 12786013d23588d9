"""Measurements of the memory that a computation needs."""

import ctypes
import gc
import re
import resource
import sys
from pathlib import Path

import torch

_STATUS = Path('/proc/self/status')


def peak_memory(device: str = 'cpu') -> int:
    """Return the peak of the memory in use so far.

    Args:
        device: 'cuda' for the memory that torch has allocated there, or 'cpu'
            for the resident size of this process.

    Returns:
        int: The peak, in bytes.
    """
    if device == 'cuda':
        return torch.cuda.max_memory_allocated()
    if _STATUS.exists():
        # getrusage would include what the parent process held at the fork.
        peak = re.search(r'VmHWM:\s+(\d+) kB', _STATUS.read_text())
        return int(peak[1]) * 1024
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def restart_peak(device: str = 'cpu') -> int:
    """Forget the peak if the system can, and return the memory now in use.

    Only Linux can forget the peak of a process. Elsewhere the peak stays, and
    measurements in fresh processes are upper bounds.

    Args:
        device: See :func:`peak_memory`.

    Returns:
        int: The memory in use, or the peak if it stays, in bytes.
    """
    gc.collect()
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    elif _STATUS.exists():
        ctypes.CDLL(None).malloc_trim(0)
        Path('/proc/self/clear_refs').write_text('5')
    return peak_memory(device)
