"""Locks that keep processes from writing to one place at the same time."""

import os
import platform
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from mmdbsam.errors import InputError, WriteError

try:
    import fcntl
except ModuleNotFoundError:  # on Windows, where nothing is locked
    fcntl = None

# The system locks a file for a whole process, so threads need locks as well.
_THREADS: dict[str, threading.Lock] = defaultdict(threading.Lock)


@contextmanager
def locked(path: Path, wait: bool = True) -> Iterator[None]:
    """Lock a file or folder that is to be written.

    The lock is a file beside the path, which the system unlocks when its
    process ends, however it ends. It is removed at the end, and a file that a
    killed process left behind is taken over.

    Args:
        path: The file or folder, which need not exist.
        wait: Whether to wait for a process that has the lock, and to say so,
            instead of raising an error.

    Raises:
        InputError: If another process has the lock and ``wait`` is false.
        WriteError: If nothing can be written beside the path.
    """
    path = Path(path).resolve()
    place = path.with_name(f'.{path.name}.lock')
    with _THREADS[str(path)]:
        file = _acquire(place, path, wait)
        try:
            yield
        finally:
            place.unlink(missing_ok=True)
            file.close()


def _acquire(place: Path, path: Path, wait: bool) -> TextIO:
    while True:
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            file = place.open('a+', encoding='utf-8')
        except OSError as error:
            raise WriteError(path, error) from error
        try:
            _lock(file, path, wait)
            # The process before removes the file that this one waited for.
            if place.exists() and os.path.samestat(os.fstat(file.fileno()),
                                                   place.stat()):
                # A full disk only leaves out who has the lock.
                with suppress(OSError):
                    os.ftruncate(file.fileno(), 0)
                    os.write(file.fileno(), f'process {os.getpid()} on '
                             f'{platform.node()}'.encode())
                return file
        except FileNotFoundError:
            pass
        except OSError as error:
            file.close()
            raise WriteError(path, error) from error
        except BaseException:
            file.close()
            raise
        file.close()


def _lock(file: TextIO, path: Path, wait: bool) -> None:
    if fcntl is None:
        return
    try:
        # Unlike flock's, these locks do not pass to forked processes, which
        # may outlive this one for a while.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        file.seek(0)
        owner = file.read() or 'another process'
        if not wait:
            raise InputError(f'{path}: expected a place that nobody else '
                             f'writes to, found that {owner} does; wait for '
                             'it, or name another place') from None
        print(f'waiting for {owner}, which writes {path}', file=sys.stderr,
              flush=True)
        fcntl.lockf(file, fcntl.LOCK_EX)
