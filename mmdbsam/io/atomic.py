"""Writing files and folders that exist whole or not at all."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdbsam.errors import InputError


@contextmanager
def staged_folder(dest: str | Path) -> Iterator[Path]:
    """Fill a folder beside ``dest`` that takes its place once complete.

    On any exception ``dest`` stays as it was and the new folder is removed.
    The next run clears what a killed run left behind.

    Args:
        dest: The folder to make or, if it exists, to replace.

    Yields:
        An empty folder to write to.

    Raises:
        InputError: If no folder can be made beside ``dest``.
    """
    dest = Path(dest).resolve()
    staging = folder_beside(dest, 'partial')
    shutil.rmtree(staging, ignore_errors=True)
    make_folder(staging, dest)
    try:
        yield staging
        replace_folder(dest, staging)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def staged_file(dest: Path) -> Iterator[Path]:
    """Write a file that takes the place of an older one once complete.

    Args:
        dest: The file to make or, if it exists, to replace.

    Yields:
        The path of a file beside ``dest``. It has the same suffixes, because
        libraries choose a format by them.
    """
    # Processes and threads that write the same file, such as a cache's, have
    # one each.
    partial = dest.with_name(
        f'.partial.{os.getpid()}.{threading.get_ident()}.{dest.name}')
    try:
        yield partial
        os.replace(partial, dest)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file that takes the place of an older one once complete."""
    with staged_file(path) as partial:
        partial.write_text(text, encoding='utf-8')


def folder_beside(path: Path, what: str) -> Path:
    return path.with_name(f'.{path.name}.{what}')


def make_folder(folder: Path, dest: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f'{dest}: expected a place to write to, found: {error}') from error


def replace_folder(dest: Path, new: Path) -> None:
    retired = folder_beside(dest, 'old')
    shutil.rmtree(retired, ignore_errors=True)
    if dest.exists():
        os.replace(dest, retired)
    os.replace(new, dest)
    shutil.rmtree(retired, ignore_errors=True)
