"""The headers of NIfTI files, and the places in space that they state.

A header may state two places of its voxels, the qform (a rotation) and the
sform (any matrix), each with a code that is 0 where it does not count. See
https://nifti.nimh.nih.gov/nifti-1 and nifti-2.
"""

import gzip
import zlib
from pathlib import Path

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry

# The fields by their sizes, with those that belong together in one array.
_COMMON = [('qform_code', 'i2'), ('sform_code', 'i2'), ('quatern', 'f4', 3),
           ('qoffset', 'f4', 3), ('srow', 'f4', (3, 4))]
_FIRST = np.dtype([
    ('sizeof_hdr', 'i4'), ('unused', 'S35'), ('dim_info', 'u1'),
    ('dim', 'i2', 8), ('intent_p', 'f4', 3), ('intent_code', 'i2'),
    ('datatype', 'i2'), ('bitpix', 'i2'), ('slice_start', 'i2'),
    ('pixdim', 'f4', 8), ('vox_offset', 'f4'), ('scl_slope', 'f4'),
    ('scl_inter', 'f4'), ('slice_end', 'i2'), ('slice_code', 'u1'),
    ('xyzt_units', 'u1'), ('cal_max', 'f4'), ('cal_min', 'f4'),
    ('slice_duration', 'f4'), ('toffset', 'f4'), ('glmax', 'i4'),
    ('glmin', 'i4'), ('descrip', 'S80'), ('aux_file', 'S24'), *_COMMON,
    ('intent_name', 'S16'), ('magic', 'S4')])
_SECOND = np.dtype([
    ('sizeof_hdr', 'i4'), ('magic', 'S8'), ('datatype', 'i2'),
    ('bitpix', 'i2'), ('dim', 'i8', 8), ('intent_p', 'f8', 3),
    ('pixdim', 'f8', 8), ('vox_offset', 'i8'), ('scl_slope', 'f8'),
    ('scl_inter', 'f8'), ('cal_max', 'f8'), ('cal_min', 'f8'),
    ('slice_duration', 'f8'), ('toffset', 'f8'), ('slice_start', 'i8'),
    ('slice_end', 'i8'), ('descrip', 'S80'), ('aux_file', 'S24'),
    ('qform_code', 'i4'), ('sform_code', 'i4'), ('quatern', 'f8', 3),
    ('qoffset', 'f8', 3), ('srow', 'f8', (3, 4)), ('slice_code', 'i4'),
    ('xyzt_units', 'i4'), ('intent_code', 'i4'), ('intent_name', 'S16'),
    ('dim_info', 'u1'), ('unused', 'S15')])
#: The fields that state where voxels lie.
PLACE = ('qform_code', 'sform_code', 'quatern', 'qoffset', 'srow')
# RAS, as NIfTI has it, from LPS and back.
_FLIP = np.diag([-1., -1., 1.])


def open_nifti(path: Path) -> gzip.GzipFile:
    """Open a file for reading, which may be compressed."""
    return (gzip.open if path.suffix.lower() == '.gz' else open)(path, 'rb')


def read_header(path: Path) -> np.ndarray | None:
    """Read the header of a NIfTI-1 or NIfTI-2 file.

    Returns:
        np.ndarray or None: The record of the header's fields, of the file's
        byte order; None if the file is of neither kind.

    Raises:
        InputError: If the file cannot be decompressed.
    """
    try:
        with open_nifti(path) as stream:
            content = stream.read(_SECOND.itemsize)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f'{path}: expected an intact NIfTI volume, found: '
                         f'{error}') from error
    for kind in (_FIRST, _SECOND):
        for order in '<>':
            ordered = kind.newbyteorder(order)
            if (len(content) >= kind.itemsize
                    and np.frombuffer(content, order + 'i4', 1)[0]
                    == kind.itemsize):
                return np.frombuffer(content, ordered, 1)[0]
    return None


def of_volumes(header: np.ndarray) -> np.ndarray:
    """A copy of a header that has three axes, or four of several volumes.

    An image in a plane has one slice. Axes behind the third that are not
    longer than 1 are dropped, so that several values per voxel, which NIfTI
    keeps along its fifth axis, count as volumes.
    """
    made = header.copy()
    rank = int(header['dim'][0])
    if not 2 <= rank <= 7:
        return made
    sides = [int(n) for n in header['dim'][1:rank + 1]]
    sides = [*sides[:3], *[1] * (3 - len(sides)),
             *(n for n in sides[3:] if n > 1)]
    made['dim'] = [len(sides), *sides, *[1] * (7 - len(sides))]
    if rank == 2 and not made['pixdim'][3] > 0:
        made['pixdim'][3] = 1
    if rank == 5 and len(sides) == 4:
        made['intent_code'] = 0
    return made


def byte_order(header: np.ndarray) -> str:
    """The byte order of a header and of the values behind it."""
    return '>' if header.dtype['dim'].base.byteorder == '>' else '<'


def is_second(header: np.ndarray) -> bool:
    """Whether a header is one of NIfTI-2."""
    return header.dtype.itemsize == _SECOND.itemsize


def as_first(header: np.ndarray) -> np.ndarray:
    """A copy of a header as one of NIfTI-1, of the same byte order."""
    made = np.zeros((), _FIRST.newbyteorder(byte_order(header)))
    for name in _FIRST.names:
        if name in header.dtype.names and name != 'unused':
            made[name] = header[name]
    made['sizeof_hdr'], made['magic'] = _FIRST.itemsize, b'n+1'
    return made


def affines(header: np.ndarray) -> dict[str, np.ndarray]:
    """The forms that count, by the names of their codes.

    A form that is not finite, or flattens the volume, does not.

    Returns:
        dict: The matrices (3, 4) from voxels to mm in RAS.
    """
    forms = dict(qform_code=_qform(header),
                 sform_code=header['srow'].astype(float))
    return {code: matrix for code, matrix in forms.items()
            if header[code] > 0 and np.isfinite(matrix).all()
            and abs(np.linalg.det(matrix[:, :3])) > 1e-12}


def geometries(header: np.ndarray) -> list[Geometry]:
    """The grids of the forms that count, the nearest rectangular ones."""
    grids = []
    for matrix in affines(header).values():
        columns = _FLIP @ matrix[:, :3]
        spacing = np.linalg.norm(columns, axis=0)
        grids.append(dict(
            size=[int(n) for n in header['dim'][1:4]],
            spacing=spacing.tolist(),
            origin=(_FLIP @ matrix[:, 3]).tolist(),
            direction=orthonormal(columns).ravel().tolist()))
    return grids


def orthonormal(columns: np.ndarray) -> np.ndarray:
    """The matrix (3, 3) of orthogonal unit columns nearest to these."""
    left, _, right = np.linalg.svd(columns / np.linalg.norm(columns, axis=0))
    return left @ right


def shear(matrix: np.ndarray) -> float:
    """The largest cosine between two axes of a matrix (3, 4)."""
    unit = matrix[:, :3] / np.linalg.norm(matrix[:, :3], axis=0)
    return float(np.abs(unit.T @ unit - np.eye(3)).max())


def _qform(header: np.ndarray) -> np.ndarray:
    b, c, d = header['quatern'].astype(float)
    a = np.sqrt(max(0., 1 - b * b - c * c - d * d))
    rotation = np.array([
        [a * a + b * b - c * c - d * d, 2 * (b * c - a * d),
         2 * (b * d + a * c)],
        [2 * (b * c + a * d), a * a + c * c - b * b - d * d,
         2 * (c * d - a * b)],
        [2 * (b * d - a * c), 2 * (c * d + a * b),
         a * a + d * d - b * b - c * c]])
    sides = header['pixdim'][1:4] * [1, 1, -1 if header['pixdim'][0] < 0
                                     else 1]
    return np.column_stack([rotation * sides, header['qoffset']])
