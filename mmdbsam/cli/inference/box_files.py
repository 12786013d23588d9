"""Reads boxes from a CSV or JSON file."""

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_text, read_json
from mmdbsam.io.tables import read_rows

_FLAT = ('x0', 'y0', 'x1', 'y1')
_CORNERS = ('x0', 'y0', 'z0', 'x1', 'y1', 'z1')
_KEYS = ('name', 'box', 'slice', 'image')
_COLUMNS = ('name', *_CORNERS, 'slice', 'image')


class BoxRow(NamedTuple):
    """A box of a file.

    Attributes:
        where: The file and the line, as messages name them.
        name: The name of the object.
        box: The box, x0, y0, z0, x1, y1, z1, or x0, y0, x1, y1 on a slice.
        slice: The slice of the box, if it is given.
        image: The image that the box is meant for, if it is given.
    """

    where: str
    name: str
    box: tuple[float, ...]
    slice: float | None = None
    image: str | None = None


def read_boxes(path: Path) -> list[BoxRow]:
    """Read the boxes of a file.

    A CSV file has the columns name,x0,y0,z0,x1,y1,z1, or name,x0,y0,x1,y1 and
    optionally slice. A JSON file is a list of objects with name, box (six or
    four numbers) and optionally slice. Both may also have image.

    Raises:
        InputError: If the file cannot be read, lacks columns or keys, has
            unknown ones, or has something else where a number belongs.
    """
    suffix = path.suffix.lower()
    if suffix not in ('.csv', '.json'):
        raise InputError(f'{path}: expected boxes in a .csv or .json file')
    rows = list(_from_csv(path) if suffix == '.csv' else _from_json(path))
    if not rows:
        raise InputError(f'{path}: expected at least one box, found none')
    return rows


def number(text: Any, where: str) -> float:
    """Read a number that a user wrote.

    Raises:
        InputError: If it is not a finite number.
    """
    try:
        found = float(text)
    except (TypeError, ValueError, OverflowError):
        found = math.nan
    if isinstance(text, bool) or not math.isfinite(found):
        raise InputError(f'{where}: expected a number, found '
                         f'{str(text)[:100]!r}')
    return found


def _from_csv(path: Path) -> Iterator[BoxRow]:
    rows = read_rows(path, 'a CSV file of boxes')
    _, columns, delimiter = next(rows, ('', [], ','))
    # Spreadsheets may write empty columns behind the others.
    columns = columns[:max((i for i, name in enumerate(columns, 1) if name),
                           default=0)]
    _check_names(path, columns, _COLUMNS, ('name', *_FLAT), 'columns')
    for where, values, _ in rows:
        if not any(values[len(columns):]):
            del values[len(columns):]
        if values and len(values) != len(columns):
            raise InputError(f'{where}: expected {len(columns)} values, found '
                             f'{len(values)}')
        given = {key: value for key, value
                 in zip(columns, values, strict=False) if value}
        if not given:
            continue
        if delimiter != ',':
            # Commas that separate nothing are decimal ones.
            given |= {key: given[key].replace(',', '.')
                      for key in (*_CORNERS, 'slice') if key in given}
        corners = _CORNERS if given.keys() & {'z0', 'z1'} else _FLAT
        box = [number(given.get(key, ''), f'{where}: {key}')
               for key in corners]
        yield _row(where, given, box)


def _from_json(path: Path) -> Iterator[BoxRow]:
    content = read_json(path)
    if not isinstance(content, list) or not all(
            isinstance(entry, dict) for entry in content):
        raise InputError(f'{path}: expected a list of objects with name, box '
                         'and maybe slice and image, found something else')
    for i, entry in enumerate(content, start=1):
        where = f'{path}: entry {i}'
        _check_names(where, list(entry), _KEYS, ('name', 'box'), 'keys')
        box = entry['box']
        if not isinstance(box, list) or len(box) not in (4, 6):
            raise InputError(f'{where}: box: expected 6 numbers, or 4 on a '
                             f'slice, found {box!r}')
        yield _row(where, {key: value for key, value in entry.items()
                           if value is not None},
                   [number(x, f'{where}: box') for x in box])


def _check_names(where: object, found: list[str], known: Iterable[str],
                 needed: Iterable[str], what: str) -> None:
    unknown = [name for name in found if name not in known]
    missing = [name for name in needed if name not in found]
    if unknown or missing or len(set(found)) < len(found):
        raise InputError(f'{where}: expected the {what} {", ".join(needed)} '
                         f'and maybe others of {", ".join(known)}, found '
                         f'{", ".join(found)}')


def _row(where: str, given: Mapping[str, Any], box: list[float]) -> BoxRow:
    if not given.get('name'):
        raise InputError(f'{where}: expected a name, found none')
    index = given.get('slice')
    if index is not None:
        index = number(index, f'{where}: slice')
        if len(box) == 6:
            raise InputError(f'{where}: expected six numbers or a slice, '
                             'found both')
    image = given.get('image')
    for text in (given['name'], image):
        if text is not None and not is_text(str(text)):
            raise InputError(f'{where}: expected names without control '
                             f'characters, found {str(text)[:100]!r}')
    return BoxRow(where, str(given['name']), tuple(box), index,
                  None if image is None else str(image))
