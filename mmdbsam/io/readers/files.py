"""All files that an image or a label volume consists of."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from mmdbsam.io.voxel_tables import SPACING, is_voxel_table

# The line of a header that names its data; see MetaImage's and NRRD's formats.
_NAMED = {
    '.mhd': re.compile(r'^\s*ElementDataFile\s*=\s*(.+?)\s*$',
                       re.MULTILINE | re.IGNORECASE),
    '.nhdr': re.compile(r'^data ?file:\s*(.+?)\s*$',
                        re.MULTILINE | re.IGNORECASE),
}
_NAMED |= {'.mha': _NAMED['.mhd'], '.nrrd': _NAMED['.nhdr']}
# A header that is longer than this names its data before.
_LONGEST = 1 << 20
# A pattern of names, and the first number, the last one and the step.
_NUMBERED = re.compile(r'(.*%\d*d.*?)\s+(-?\d+)\s+(-?\d+)\s+(-?\d+)(\s+\d+)?$')


def files_of(path: Path) -> list[Path]:
    """The files of a volume: of its folder, or those that say more of it.

    Args:
        path: A folder, or a file; it comes first itself.

    Returns:
        list[Path]: The files in a fixed order. Those that a header names are
        there whether they exist or not.
    """
    if path.is_dir():
        return sorted(file for file in path.rglob('*') if file.is_file())
    if is_voxel_table(path):
        return [path, path.with_name(SPACING)]
    pattern = _NAMED.get(path.suffix.lower())
    if pattern is None or not path.is_file():
        return [path]
    with path.open('rb') as stream:
        header = stream.read(_LONGEST).decode('latin-1')
    if path.suffix.lower() in ('.nrrd', '.nhdr') and (
            end := re.search(r'\r?\n\r?\n', header)):
        header = header[:end.start()]
    found = pattern.search(header)
    if found is None:
        return [path]
    return [path, *(Path(os.path.normpath(path.parent / name)) for name
                    in _names(found[1], header[found.end():]))]


def _names(said: str, rest: str) -> Iterator[str]:
    """The names that a header says, or that follow in its other lines."""
    if said.upper() in ('LOCAL', 'INTERNAL'):
        return
    if said.upper().startswith('LIST'):
        yield from filter(None, map(str.strip, rest.splitlines()))
    elif numbered := _NUMBERED.match(said):
        first, last, step = (int(numbered[i]) for i in (2, 3, 4))
        step = step or 1
        for number in range(first, last + (1 if step > 0 else -1), step):
            yield numbered[1] % number
    else:
        yield said
