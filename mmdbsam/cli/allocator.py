"""How the C library treats the memory that a command frees."""

import ctypes
import os
import platform

# From glibc's malloc.h.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_LARGEST = 2**31 - 1
_TOP_PAD = 64 * 2**20


def keep_freed_memory() -> bool:
    """Have glibc keep freed memory for the next feature map.

    By default glibc hands the memory of large tensors back to the kernel, and
    every page of it faults when the next tensor asks for memory. Other C
    libraries and allocators that are preloaded are left alone, and so is a
    process whose user sets a ``MALLOC_`` variable.

    Returns:
        bool: Whether glibc was told so.
    """
    if platform.libc_ver()[0] != 'glibc' or 'LD_PRELOAD' in os.environ or any(
            name.startswith('MALLOC_') for name in os.environ):
        return False
    mallopt = ctypes.CDLL(None).mallopt
    return all([mallopt(_M_MMAP_MAX, 0),
                mallopt(_M_TRIM_THRESHOLD, _LARGEST),
                mallopt(_M_TOP_PAD, _TOP_PAD)])
