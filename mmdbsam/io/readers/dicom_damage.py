"""Finds damaged files of a DICOM series, which ITK's search skips."""

import re
from collections.abc import Iterable
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError

# Behind a preamble of 128 bytes (DICOM part 10, 7.1).
_MAGIC, _MAGIC_AT = b'DICM', 128
# The index of a medium, which belongs to no series (DICOM part 10, 8.6).
_INDEX = 'DICOMDIR'


def refuse_damaged(folders: Iterable[Path]) -> None:
    """Refuse files that look like a slice but belong to no series.

    A slice less would move the volume's origin, and every box with it.

    Args:
        folders: The folders of a series.

    Raises:
        InputError: If there is one; it is named.
    """
    for folder in folders:
        known = _files_of_series(folder)
        patterns = {_pattern(name) for name in known}
        for file in sorted(folder.iterdir()):
            if (file.name in known or file.name.startswith('.')
                    or file.name.upper() == _INDEX or not file.is_file()):
                continue
            if (file.suffix.lower() == '.dcm' or _has_magic(file)
                    or _pattern(file.name) in patterns):
                raise InputError(
                    f'{file}: expected an intact DICOM file, found one that '
                    'belongs to no series; mend it, or remove it if it is '
                    'none of the slices')


def _files_of_series(folder: Path) -> set[str]:
    """The names of a folder's files that ITK finds series of."""
    find = sitk.ImageSeriesReader
    return {Path(name).name for uid in find.GetGDCMSeriesIDs(str(folder))
            for name in find.GetGDCMSeriesFileNames(str(folder), uid)}


def _pattern(name: str) -> str:
    """A name without its numbers, in which slices differ."""
    return re.sub(r'\d+', '0', name)


def _has_magic(file: Path) -> bool:
    with file.open('rb') as stream:
        stream.seek(_MAGIC_AT)
        return stream.read(len(_MAGIC)) == _MAGIC
