"""Folders that are there whole or not at all."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdbsam.errors import InputError


@contextmanager
def staged_folder(dest: str | Path) -> Iterator[Path]:
    """Fill a folder beside ``dest`` that takes its place on success.

    On any exception ``dest`` stays as it was and the new folder is removed.
    What a killed run left behind is cleared by the next.

    Args:
        dest: The folder to make or, if it exists, to replace.

    Yields:
        An empty folder to write to.

    Raises:
        InputError: If no folder can be made beside ``dest``.
    """
    dest = Path(dest).resolve()
    staging = dest.with_name(f'.{dest.name}.partial')
    retired = dest.with_name(f'.{dest.name}.old')
    shutil.rmtree(staging, ignore_errors=True)
    try:
        staging.mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f'{dest}: expected a place to write to, found: {error}') from error
    try:
        yield staging
        shutil.rmtree(retired, ignore_errors=True)
        if dest.exists():
            os.replace(dest, retired)
        os.replace(staging, dest)
        shutil.rmtree(retired, ignore_errors=True)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
