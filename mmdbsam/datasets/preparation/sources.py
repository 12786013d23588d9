"""What lies in a source folder: pairs of volumes and the labels' names."""

import csv
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.datasets.preparation.readers import Readers
from mmdbsam.errors import InputError


@dataclass(frozen=True)
class Pair:
    """One case of a source folder: its name and its two volumes."""

    name: str
    image: Path
    label: Path


def find_pairs(source: Path, readers: Readers) -> list[Pair]:
    """Pair the volumes in ``images/`` with those in ``labels/`` by name.

    A volume is a file that a reader knows, or a folder of a DICOM series; the
    two of a case may be of different kinds.

    Returns:
        The pairs, sorted by name.

    Raises:
        InputError: If a folder is missing or empty, an image has no label,
            or two volumes of a folder have one name.
    """
    for folder in (source, source / 'images', source / 'labels'):
        if not folder.is_dir():
            raise InputError(
                f'{folder}: expected a folder (SOURCE holds images/ and '
                'labels/ with volumes of the same names), found none')
    images, labels = (_volumes(source / name, readers)
                      for name in ('images', 'labels'))
    if not images:
        raise InputError(f'{source / "images"}: expected '
                         f'{readers.formats()}, found none')
    for name, image in images.items():
        if name not in labels:
            raise InputError(f"{image}: expected a label named '{name}' in "
                             f'{source / "labels"}, found none')
    return [Pair(name, image, labels[name])
            for name, image in sorted(images.items())]


def _volumes(folder: Path, readers: Readers) -> dict[str, Path]:
    """The volumes of a folder by the names of their cases."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        name = readers.case_name(path)
        if name is None:
            continue
        if name in found:
            raise InputError(f"{path}: expected one volume named '{name}', "
                             f'found {found[name]} too')
        found[name] = path
    return found


def read_label_names(source: Path) -> dict[int, str]:
    """Label id to name from ``labels.csv`` (columns id,name), if it is there.

    Raises:
        InputError: If a column is missing, an id is no whole number or an
            id is named twice.
    """
    path = source / 'labels.csv'
    if not path.is_file():
        return {}
    names: dict[int, str] = {}
    with path.open(newline='', encoding='utf-8-sig') as stream:
        rows = csv.DictReader(stream)
        if not {'id', 'name'} <= set(rows.fieldnames or ()):
            raise InputError(f'{path}: expected the columns id,name, found '
                             f'{",".join(rows.fieldnames or ())}')
        for row in rows:
            label_id = (row['id'] or '').strip()
            if not label_id.isdecimal() or int(label_id) in names:
                raise InputError(
                    f'{path}: line {rows.line_num}: expected a whole number '
                    f"that is no other line's id, found '{label_id}'")
            names[int(label_id)] = (row['name'] or '').strip()
    return names
