"""Writing files and folders that exist whole or not at all."""

import errno
import os
import shutil
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdbsam.errors import WriteError
from mmdbsam.io.left_behind import left_behind, mark
from mmdbsam.io.locks import locked

# A file's name has at most 255 bytes, so a name beside it takes its end only.
_TAIL = 60
# A file that may not grow is like one on a full disk.
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def staged_folder(dest: str | Path) -> Iterator[Path]:
    """Fill a folder beside ``dest`` that takes its place once complete.

    On any exception ``dest`` stays as it was and the new folder is removed.
    The next run clears what a killed run left behind. Another process that
    writes the same folder is waited for.

    Args:
        dest: The folder to make or, if it exists, to replace.

    Yields:
        An empty folder to write to.

    Raises:
        WriteError: If the disk is full, or no folder can be made beside
            ``dest``.
    """
    dest = Path(dest).resolve()
    staging = folder_beside(dest, 'partial')
    with locked(dest), writing(dest, staging):
        shutil.rmtree(staging, ignore_errors=True)
        try:
            staging.mkdir()
            yield staging
            replace_folder(dest, staging)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def staged_file(dest: Path) -> Iterator[Path]:
    """Write a file that takes the place of an older one once complete.

    What killed processes of this machine left behind is removed.

    Args:
        dest: The file to make or, if it exists, to replace.

    Yields:
        The path of a file beside ``dest``. It has the same suffixes, because
        libraries choose a format by them.

    Raises:
        WriteError: If the disk is full, or no file can be made there.
    """
    dest = Path(dest)
    # Processes and threads that write the same file, such as a cache's, have
    # one each.
    tail = dest.name[-_TAIL:]
    partial = dest.with_name(f'.partial.{mark()}{threading.get_ident()}.'
                             f'{tail}')
    with writing(dest, partial):
        try:
            yield partial
            for path in left_behind(dest.parent, '.partial.', f'.{tail}'):
                path.unlink(missing_ok=True)
            os.replace(partial, dest)
        finally:
            partial.unlink(missing_ok=True)


@contextmanager
def writing(dest: Path, *places: Path) -> Iterator[None]:
    """Turn the system's refusal to write into an error that names a path.

    Args:
        dest: The path to name.
        *places: Where it is written meanwhile, besides ``dest``.

    Raises:
        WriteError: If an :class:`OSError` is raised within the context, unless
            it is about another file.
    """
    try:
        yield
    except OSError as error:
        # What fails to be written to an open file is not named.
        about = Path(error.filename or dest)
        if not any(about.is_relative_to(place) for place in (dest, *places)):
            raise
        raise WriteError(dest, error) from error


@contextmanager
def naming_full_disk(place: str | Path) -> Iterator[None]:
    """Name the place of what libraries write, if the disk is full.

    Args:
        place: The folder that they write to.

    Raises:
        WriteError: If the disk is full, and the error does not say where.
    """
    try:
        yield
    except OSError as error:
        if error.filename is not None or error.errno not in _FULL:
            raise
        raise WriteError(place, error) from error


def require_place(path: Path) -> None:
    """Make sure that a file or folder can be written, and make its parent.

    Raises:
        WriteError: If it cannot.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        # It names the temporary file, or a folder above.
        raise WriteError(path, error) from error


def write_text(path: Path, text: str) -> None:
    """Write a file that takes the place of an older one once complete."""
    with staged_file(path) as partial:
        partial.write_text(text, encoding='utf-8')


def folder_beside(path: Path, what: str) -> Path:
    """The hidden path beside another that serves a purpose for it."""
    return path.with_name(f'.{path.name}.{what}')


def replace_folder(dest: Path, new: Path) -> None:
    """Put a folder in the place of another, which is removed."""
    retired = folder_beside(dest, 'old')
    shutil.rmtree(retired, ignore_errors=True)
    if dest.exists():
        os.replace(dest, retired)
    os.replace(new, dest)
    shutil.rmtree(retired, ignore_errors=True)
