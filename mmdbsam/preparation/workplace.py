"""The folder of a preparation, which can be resumed after a stop."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import (
    folder_beside,
    make_folder,
    replace_folder,
    write_text,
)

_ORIGIN = 'origin.json'


@contextmanager
def workplace(dest: Path, origin: dict, overwrite: bool) -> Iterator[Path]:
    """Fill a data set, so that a run can resume an interrupted one.

    A data set of the same origin is changed where it is. Any other is filled
    beside ``dest`` and takes its place once complete. If an exception stops
    the run, what was finished stays there, and the next run of the same origin
    finds it.

    Args:
        dest: The data set's folder.
        origin: What determines the data set's cases.
        overwrite: Whether to replace a data set of another origin.

    Yields:
        The folder to fill, which has a file ``origin.json``.

    Raises:
        InputError: If ``dest`` holds something that must not be replaced, or
            no folder can be made beside it.
    """
    dest = Path(dest).resolve()
    if _origin(dest) == origin:
        if not os.access(dest, os.W_OK):
            raise InputError(f'{dest}: expected a folder to write to, found '
                             'one that is read-only')
        yield dest
        return
    _check_vacant(dest, overwrite)
    place = folder_beside(dest, 'preparing')
    if _origin(place) != origin:
        shutil.rmtree(place, ignore_errors=True)
        make_folder(place, dest)
        write_text(place / _ORIGIN, json.dumps(origin, indent=1))
    try:
        yield place
        replace_folder(dest, place)
    finally:
        if place.exists() and not any(p.is_dir() for p in place.iterdir()):
            shutil.rmtree(place)


def _origin(folder: Path) -> dict | None:
    path = folder / _ORIGIN
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() \
        else None


def _check_vacant(dest: Path, overwrite: bool) -> None:
    """Refuse to overwrite anything but a data set that may be replaced."""
    if not dest.exists() or (dest.is_dir() and not any(dest.iterdir())):
        return
    if not (dest / 'dataset.json').is_file():
        raise InputError(f'{dest}: expected a new or empty folder, found '
                         'something that is not a prepared data set')
    if not overwrite:
        raise InputError(
            f'{dest}: a prepared data set from another source or with other '
            'options is already there; replace it with --overwrite')
