"""What killed processes leave behind, and folders that are removed then."""

import os
import platform
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SCRATCH = 'mmdbsam.'
_changing = threading.RLock()


def mark() -> str:
    """The part of a file's name that says which process it belongs to."""
    # Several machines may share a disk, but not their processes' numbers.
    return f'{platform.node().split(".")[0]}.{os.getpid()}.'


def left_behind(folder: Path, start: str, end: str = '') -> Iterator[Path]:
    """Find what processes of this machine left that have ended.

    Args:
        folder: Where to look.
        start: How the names begin, before :func:`mark`.
        end: How the names end.

    Yields:
        The paths.
    """
    start += mark().removesuffix(f'{os.getpid()}.')
    for name in os.listdir(folder):
        if name.startswith(start) and name.endswith(end):
            process = name[len(start):].split('.')[0]
            if process.isdigit() and not _runs(int(process)):
                yield Path(folder, name)


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder for temporary files, and remove it in the end.

    A process that is killed cannot remove its folder; the next process that
    needs one does.

    Yields:
        The empty folder.
    """
    root = Path(tempfile.gettempdir())
    for path in left_behind(root, _SCRATCH):
        # What belongs to another user stays.
        shutil.rmtree(path, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix=f'{_SCRATCH}{mark()}',
                                     dir=root) as folder:
        yield Path(folder)


@contextmanager
def scratch_for_libraries() -> Iterator[None]:
    """Let libraries make their temporary files in a scratch folder.

    Within the context, this is so for all threads of the process.
    """
    with _changing, scratch_folder() as folder:
        before, tempfile.tempdir = tempfile.tempdir, str(folder)
        try:
            yield
        finally:
            tempfile.tempdir = before


def _runs(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        # It runs for another user.
        return True
    return True
