"""Checks what ``dataset.json`` of a prepared data set holds."""

from pathlib import Path
from typing import Any

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_plain_name
from mmdbsam.io.json_form import Fields, Values, check_form

FORMAT_VERSION = 2
_HIGHEST_ID = 65535
_FORM = Fields(dict(
    name=str, labels=Values(str), cases=[Fields(dict(
        name=str, shape=[int] * 3,
        geometry=Fields(dict(spacing=[float] * 3)), source=dict, labels=[int],
        dropped=Values(Fields(dict(voxels=int, slices=int))),
        splits=Values([[int] * 2])))]))


def check_dataset(content: Any, path: Path) -> None:
    """Make sure that the file is of this format and makes sense.

    Args:
        content: What the file holds.
        path: The file, for messages.

    Raises:
        InputError: If a part is missing, or has another form or an impossible
            value.
    """
    found = content.get('format') if isinstance(content, dict) else None
    if found != FORMAT_VERSION:
        raise InputError(f'{path}: expected "format": {FORMAT_VERSION}, found '
                         f'{str(found)[:100]}; prepare the data again')
    check_form(content, _FORM, str(path))
    _check_content(content, path)


def _check_content(content: dict, path: Path) -> None:
    """Refuse values that have the right type but make no sense."""
    for key in content['labels']:
        if not (key.isascii() and key.isdigit() and 0 < int(key[:9])
                <= _HIGHEST_ID and len(key) < 9):
            raise InputError(f'{path}: labels: expected ids in 1..'
                             f'{_HIGHEST_ID}, found {key[:100]!r}')
    names = set()
    for index, case in enumerate(content['cases']):
        where, name = f'{path}: cases[{index}]', case['name']
        if not is_plain_name(name) or name in names:
            raise InputError(f'{where}: name: expected the name of a folder '
                             f'of its own, found {name[:100]!r}')
        names.add(name)
        if min(case['shape']) < 1 or min(case['geometry']['spacing']) <= 0:
            raise InputError(f'{where}: expected a shape and a spacing > 0, '
                             f'found {case["shape"]} and '
                             f'{case["geometry"]["spacing"]}')
        for label_id in case['labels']:
            if str(label_id) not in content['labels']:
                raise InputError(f'{where}: labels: expected ids of labels, '
                                 f'found {label_id}')
        for split, ranges in case['splits'].items():
            for start, stop in ranges:
                if not 0 <= start < stop <= case['shape'][0]:
                    raise InputError(
                        f'{where}: splits: {split[:100]}: expected slices in '
                        f'0..{case["shape"][0]}, found {start} to {stop}')
