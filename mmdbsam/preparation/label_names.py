"""The names that a source folder gives its labels."""

import json
import re
from collections import Counter
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_text
from mmdbsam.io.label_readers.label_reader import HIGHEST_ID
from mmdbsam.io.tables import read_table, read_text


def read_label_names(source: Path) -> dict[int, str]:
    """The names of labels by id, as far as the source folder gives them.

    They are read from ``labels.csv`` (columns id,name), or without one from
    the ``dataset.json`` of nnU-Net or the Medical Segmentation Decathlon.

    Raises:
        InputError: If a file has another format, an id is not a whole number,
            or an id is named twice.
    """
    for name, read in (('labels.csv', _from_csv),
                       ('dataset.json', _from_json)):
        path = source / name
        if path.is_file():
            try:
                names = read(path)
            except InputError:
                raise
            except (ValueError, RecursionError) as error:
                raise InputError(f'{path}: expected names of labels, found: '
                                 f'{error}') from error
            _check_names(names, path)
            return names
    return {}


def _check_names(names: dict[int, str], path: Path) -> None:
    for label_id, name in names.items():
        if label_id > HIGHEST_ID or not is_text(name):
            raise InputError(f'{path}: expected ids of at most {HIGHEST_ID} '
                             'and names without control characters, found '
                             f'{str(label_id)[:20]} for {name[:100]!r}')
    for name, count in Counter(names.values()).items():
        if count > 1:
            raise InputError(f"{path}: expected a name of its own for each "
                             f"label, found '{name}' {count} times; labels "
                             'are merged by --labels')


def _from_csv(path: Path) -> dict[int, str]:
    names: dict[int, str] = {}
    for where, row in read_table(path, ('id', 'name')):
        # Spreadsheets and pandas write whole numbers like this, too.
        label_id = re.sub(r'\.0*$', '', row['id'])
        if not label_id.isdecimal() or int(label_id) in names:
            raise InputError(
                f"{where}: expected a whole number that is no other line's "
                f"id, found '{label_id}'")
        names[int(label_id)] = row['name']
    # A label without a name is called by its id.
    return {label_id: name for label_id, name in names.items() if name}


def _from_json(path: Path) -> dict[int, str]:
    """``labels`` maps names to ids (nnU-Net 2) or ids to names (Decathlon)."""
    try:
        labels = json.loads(read_text(path))['labels']
        items = list(labels.items())
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path}: expected JSON with an object 'labels', "
                         f'found: {type(error).__name__}: {error}') from error
    names: dict[int, str] = {}
    for key, value in items:
        if isinstance(value, list):
            raise InputError(f"{path}: expected one id for each label, found "
                             f"the region '{key}' of {value}; name the single "
                             'labels in a labels.csv')
        label_id, name = ((key, value) if key.isdecimal()
                          and isinstance(value, str) else (value, key))
        if not str(label_id).isdecimal() or int(label_id) in names:
            raise InputError(f'{path}: expected a whole number that is no '
                             f"other label's id, found '{label_id}' for "
                             f"'{name}'")
        names[int(label_id)] = name
    return names
