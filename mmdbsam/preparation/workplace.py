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
    replace_folder,
    write_text,
    writing,
)
from mmdbsam.io.locks import locked

#: The file that says what a data set was made from.
ORIGIN = 'origin.json'


@contextmanager
def workplace(dest: Path, origin: dict, overwrite: bool) -> Iterator[Path]:
    """Fill a data set, so that a run can resume an interrupted one.

    A data set of the same origin is changed where it is. Any other is filled
    beside ``dest`` and takes its place once complete. If an exception stops
    the run, what was finished stays there, and the next run of the same origin
    finds it. Another process that prepares to ``dest`` is waited for.

    Args:
        dest: The data set's folder.
        origin: What determines the data set's cases.
        overwrite: Whether to replace a data set of another origin.

    Yields:
        The folder to fill, which has a file ``origin.json``.

    Raises:
        InputError: If ``dest`` holds something that must not be replaced, or
            it or its surroundings cannot be written to.
    """
    dest = Path(dest).resolve()
    place = folder_beside(dest, 'preparing')
    with locked(dest), writing(dest, place):
        if _origin(dest) == origin:
            if not os.access(dest, os.W_OK):
                raise InputError(f'{dest}: expected a folder to write to, '
                                 'found one that is read-only')
            _clear(dest)
            yield dest
            return
        _check_vacant(dest, overwrite)
        try:
            if _origin(place) != origin:
                shutil.rmtree(place, ignore_errors=True)
                place.mkdir()
                write_text(place / ORIGIN, json.dumps(origin, indent=1))
            _clear(place)
            yield place
            replace_folder(dest, place)
        finally:
            if place.exists() and not any(p.is_dir()
                                          for p in place.iterdir()):
                shutil.rmtree(place)


def _origin(folder: Path) -> dict | None:
    try:
        return json.loads((folder / ORIGIN).read_text(encoding='utf-8'))
    except (OSError, ValueError, RecursionError):
        # It is missing, or damaged, so that nothing there can be relied on.
        return None


def _clear(folder: Path) -> None:
    """Remove what killed runs left in a data set and beside it."""
    retired = folder_beside(folder, 'old')
    shutil.rmtree(retired, ignore_errors=True)
    for path in folder.glob('.*'):
        if path.name.startswith('.partial.'):
            path.unlink()
        elif path.suffix in ('.partial', '.old'):
            shutil.rmtree(path)
        elif path.suffix == '.lock':
            path.unlink()


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
