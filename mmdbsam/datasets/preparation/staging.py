"""Folders that are there whole or not at all."""

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mmdbsam.errors import InputError

_ORIGIN = 'origin.json'


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
    staging = _beside(dest, 'partial')
    shutil.rmtree(staging, ignore_errors=True)
    _make(staging, dest)
    try:
        yield staging
        _replace(dest, staging)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def workplace(dest: Path, origin: dict, overwrite: bool) -> Iterator[Path]:
    """Fill a data set, which a run that is cut leaves to the next.

    A data set of the same origin is changed where it stands. Any other is
    filled beside ``dest`` and takes its place once complete; what was
    finished of it when an exception stopped it stays there, and is found by
    the next run of the same origin.

    Args:
        dest: The data set's folder.
        origin: What its cases follow from.
        overwrite: Replace a data set of another origin.

    Yields:
        The folder to fill, which has a file ``origin.json``.

    Raises:
        InputError: If ``dest`` holds something that has to stay, or no folder
            can be made beside it.
    """
    dest = Path(dest).resolve()
    if _origin(dest) == origin:
        if not os.access(dest, os.W_OK):
            raise InputError(f'{dest}: expected a folder to write to, found '
                             'one that is read-only')
        yield dest
        return
    _check_vacant(dest, overwrite)
    place = _beside(dest, 'preparing')
    if _origin(place) != origin:
        shutil.rmtree(place, ignore_errors=True)
        _make(place, dest)
        write_text(place / _ORIGIN, json.dumps(origin, indent=1))
    try:
        yield place
        _replace(dest, place)
    finally:
        if place.exists() and not any(p.is_dir() for p in place.iterdir()):
            shutil.rmtree(place)


@contextmanager
def staged_file(dest: Path) -> Iterator[Path]:
    """Write a file that takes the place of an older one once complete.

    Args:
        dest: The file to make or, if it exists, to replace.

    Yields:
        The path of a file beside it, which has the same suffixes: libraries
        choose a format by them.
    """
    partial = dest.with_name(f'.partial.{dest.name}')
    try:
        yield partial
        os.replace(partial, dest)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a file that takes the place of an older one once complete."""
    with staged_file(path) as partial:
        partial.write_text(text, encoding='utf-8')


def _beside(path: Path, what: str) -> Path:
    return path.with_name(f'.{path.name}.{what}')


def _origin(folder: Path) -> dict | None:
    path = folder / _ORIGIN
    return json.loads(path.read_text(encoding='utf-8')) if path.is_file() \
        else None


def _make(folder: Path, dest: Path) -> None:
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise InputError(
            f'{dest}: expected a place to write to, found: {error}') from error


def _replace(dest: Path, new: Path) -> None:
    retired = _beside(dest, 'old')
    shutil.rmtree(retired, ignore_errors=True)
    if dest.exists():
        os.replace(dest, retired)
    os.replace(new, dest)
    shutil.rmtree(retired, ignore_errors=True)


def _check_vacant(dest: Path, overwrite: bool) -> None:
    """Refuse to write over anything but a data set that may be replaced."""
    if not dest.exists() or (dest.is_dir() and not any(dest.iterdir())):
        return
    if not (dest / 'dataset.json').is_file():
        raise InputError(f'{dest}: expected a new or empty folder, found '
                         'something that is not a prepared data set')
    if not overwrite:
        raise InputError(
            f'{dest}: a prepared data set from another source or with other '
            'options is already there; replace it with --overwrite')
