"""What lies in a source folder: pairs of volumes and the labels' names."""

import csv
from dataclasses import dataclass
from pathlib import Path

from mmdbsam.errors import InputError

SUFFIXES = ('.nii.gz', '.nii')


@dataclass(frozen=True)
class Pair:
    """One case of a source folder: its name and its two files."""

    name: str
    image: Path
    label: Path


def find_pairs(source: Path) -> list[Pair]:
    """Pair ``images/NAME.nii[.gz]`` with the same file in ``labels/``.

    Returns:
        The pairs, sorted by name.

    Raises:
        InputError: If a folder is missing or empty, an image has no label,
            or two images have one name.
    """
    for folder in (source, source / 'images', source / 'labels'):
        if not folder.is_dir():
            raise InputError(
                f'{folder}: expected a folder (SOURCE holds images/ and '
                'labels/ with files of the same names), found none')
    pairs: dict[str, Pair] = {}
    for image in sorted((source / 'images').iterdir()):
        suffix = next((s for s in SUFFIXES if image.name.endswith(s)), None)
        if suffix is None or image.name.startswith('.'):
            continue
        name = image.name.removesuffix(suffix)
        label = source / 'labels' / image.name
        if not label.is_file():
            raise InputError(f'{image}: expected its label at {label}, found '
                             'none')
        if name in pairs:
            raise InputError(f"{image}: expected one image named '{name}', "
                             f'found {pairs[name].image} too')
        pairs[name] = Pair(name, image, label)
    if not pairs:
        raise InputError(f'{source / "images"}: expected .nii.gz or .nii '
                         'files, found none')
    return list(pairs.values())


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
