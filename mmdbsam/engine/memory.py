"""Measurements of the memory that a computation needs."""

import ctypes
import gc
import os
import re
import sys
from pathlib import Path

import torch

_PROC = Path('/proc')
_STATUS = _PROC / 'self/status'
_CGROUPS = Path('/sys/fs/cgroup')
# What is taken for free where the system does not tell.
_UNKNOWN_MEMORY = 2 * 10**9


def available_memory() -> int:
    """Estimate how much memory this process may still take, in bytes.

    On Linux it is what is neither in use nor beyond a limit of the container
    or the job. On macOS it is half of the machine's memory, and elsewhere a
    fixed number.
    """
    if (_PROC / 'meminfo').exists():
        free = _value((_PROC / 'meminfo').read_text(), 'MemAvailable:')
        return min(free * 1024, *_room_in_cgroups())
    if sys.platform == 'darwin':
        return (os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')) // 2
    return _UNKNOWN_MEMORY


def _room_in_cgroups() -> list[int]:
    """The memory that remains below each limit that this process is under."""
    own = re.search(r'^0::/(.*)$', (_PROC / 'self/cgroup').read_text(),
                    re.MULTILINE)
    if not own:
        return [sys.maxsize]
    folder = _CGROUPS / own[1]
    room = [sys.maxsize]
    for place in (folder, *folder.parents):
        limit = place / 'memory.max'
        if limit.exists() and (most := limit.read_text().strip()) != 'max':
            used = _value((place / 'memory.stat').read_text(), 'anon')
            room.append(max(0, int(most) - used))
    return room


def _value(text: str, key: str) -> int:
    """The number after a key at the beginning of a line."""
    return int(re.search(rf'^{key}\s+(\d+)', text, re.MULTILINE)[1])


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
    import resource  # which Windows lacks
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
