"""Reads OpenKBP's tables of voxels.

A patient is a folder of CSV files. Each file lists voxels of a cube by their
flat indices, in the order (y, x, z) of its axes, where x goes to the patient's
left, y to the back and z, unlike in DICOM, to the feet
(https://github.com/ababier/open-kbp).
"""

from pathlib import Path

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import require_input

#: The file of a patient's CT, and that of the voxels' size.
CT, SPACING = 'ct.csv', 'voxel_dimensions.csv'
#: The files of a patient that show no structure.
NO_STRUCTURES = (CT, SPACING, 'dose.csv', 'possible_dose_mask.csv')
#: The number of voxels along each side of the cube.
SIDE = 128
# A table that lists every voxel has about 40 MB.
_MOST_BYTES = 100 * 10**6


def is_voxel_table(path: Path) -> bool:
    """Whether a path is one of the files in the folder of a patient."""
    return path.suffix.lower() == '.csv' and all(
        path.with_name(name).is_file() for name in (CT, SPACING))


def read_voxels(path: Path, has_values: bool) -> np.ndarray:
    """Read a table of voxels as an axial volume.

    Args:
        path: The file.
        has_values: Whether the voxels have values, as in the CT, or belong to
            a structure.

    Returns:
        np.ndarray: The values (128, 128, 128) along z, y and x, from the feet
        up, as float64; those that are not listed are 0. They are bool for a
        structure.

    Raises:
        InputError: If the file is not such a table, or lists a voxel twice or
            one outside of the cube.
    """
    table = _numbers(path, skiprows=1, usecols=(0, 1) if has_values else (0, ))
    index = table[:, 0].clip(0, SIDE**3 - 1).astype(np.int64)
    if (index != table[:, 0]).any() or np.unique(index).size != index.size:
        raise InputError(f'{path}: expected different voxels from 0 to '
                         f'{SIDE**3 - 1} in the first column, found others')
    voxels = np.zeros(SIDE**3, float if has_values else bool)
    voxels[index] = table[:, 1] if has_values else True
    return voxels.reshape(SIDE, SIDE, SIDE).transpose(2, 0, 1)[::-1]


def read_spacing(folder: Path) -> tuple[float, float, float]:
    """Read the size (x, y, z) of a patient's voxels in mm.

    Raises:
        InputError: If the file is missing, or does not have three lengths.
    """
    path = folder / SPACING
    sides = _numbers(path).ravel()
    if sides.size != 3 or not (sides > 0).all():
        raise InputError(f'{path}: expected three lengths in mm, found '
                         f'{" ".join(f"{side:g}" for side in sides[:5])}')
    y, x, z = map(float, sides)
    return x, y, z


def _numbers(path: Path, **options: object) -> np.ndarray:
    """Read a table of finite numbers, float64 (N, columns)."""
    require_input(path)
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f'{path}: expected a table of at most {SIDE}^3 '
                             f'voxels, found {path.stat().st_size} bytes')
        with path.open(encoding='utf-8') as file:
            lines = file.readlines()
        # numpy warns of a table without lines, which a structure may be.
        found = np.loadtxt(lines, delimiter=',', ndmin=2, **options) if (
            len(lines) > options.get('skiprows', 0)) else np.zeros((0, 2))
    except (OSError, ValueError) as error:
        raise InputError(f'{path}: expected a table of voxels, found: '
                         f'{" ".join(str(error).split())}') from error
    if not np.isfinite(found).all():
        raise InputError(f'{path}: expected finite numbers, found others')
    return found
