"""How much memory a computation needs."""

import ctypes
import gc
import re
import resource
import sys
from pathlib import Path

import torch

_STATUS = Path('/proc/self/status')


def peak_memory(device: str = 'cpu') -> int:
    """The peak so far, in bytes.

    Args:
        device: On 'cuda', what torch allocated; on 'cpu', the resident size
            of this process.
    """
    if device == 'cuda':
        return torch.cuda.max_memory_allocated()
    if _STATUS.exists():
        # getrusage would count what the parent process held at the fork.
        peak = re.search(r'VmHWM:\s+(\d+) kB', _STATUS.read_text())
        return int(peak[1]) * 1024
    unit = 1 if sys.platform == 'darwin' else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def restart_peak(device: str = 'cpu') -> int:
    """Forget the peak, where the system can, and return the present use.

    Only Linux can for a process; elsewhere the peak stays, and measurements
    in fresh processes are upper bounds.
    """
    gc.collect()
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    elif _STATUS.exists():
        ctypes.CDLL(None).malloc_trim(0)
        Path('/proc/self/clear_refs').write_text('5')
    return peak_memory(device)
