"""NIfTI files."""

import math
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, geometry_of
from mmdbsam.io.left_behind import scratch_folder
from mmdbsam.io.readers.nifti_header import (
    affines,
    as_first,
    byte_order,
    geometries,
    is_second,
    of_volumes,
    open_nifti,
    orthonormal,
    read_header,
    shear,
)
from mmdbsam.io.readers.reader import Place, VolumeReader, brief, open_header
from mmdbsam.io.readers.stored_voxels import refuse_bomb

# NIfTI's codes of the types that can hold NaN or infinity.
_FLOATS = {16: 'f4', 64: 'f8'}
# ITK takes a matrix whose axes have a smaller cosine between them.
_RIGHT_ANGLE = 1e-4
# Axes with at most this cosine between them are taken for rectangular ones.
_SHEARED = 0.01
_CHUNK = 1 << 20
# NIfTI's code of a form that is the scanner's.
_SCANNER = 1
# ITK reads no other spelling of them.
_ITK_SUFFIXES = ('.nii', '.nii.gz', '.NII', '.NII.GZ')
# The bytes before the values of NIfTI-1 and NIfTI-2, without extensions.
_FIRST_VALUE = (352, 544)
# The bytes that a header's extensions may have, and those behind the values,
# which nobody reads.
_MOST_BEFORE, _REST = 1 << 28, 1 << 30
# The files of which this is so.
_sheared: set[Path] = set()


class NiftiReader(VolumeReader):
    """Reads NIfTI-1 and NIfTI-2, plain or compressed.

    Where a header states two places, ITK chooses: the sform, or the qform if
    that one alone is the scanner's. Axes that are not quite at right angles
    are taken for the nearest ones that are, with a note. A slope of 0 means
    that values are not scaled.
    """

    suffixes = ('.nii.gz', '.nii')

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`."""
        with self._opened(path, values=False) as reader:
            return geometry_of(reader)

    def count(self, path: Path) -> int:
        """See :class:`VolumeReader`."""
        header = read_header(path) if path.is_file() else None
        if header is None:
            return 1
        dimensions, *sides = of_volumes(header)['dim']
        return int(sides[3]) if dimensions == 4 else 1

    def place(self, path: Path) -> Place:
        """See :class:`VolumeReader`."""
        return Place(self.geometry(path),
                     tuple(geometries(of_volumes(read_header(path)))))

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        with self._opened(path, values=True) as reader:
            try:
                return reader.Execute()
            except RuntimeError as error:
                raise InputError(
                    f'{path}: expected a complete NIfTI volume, found: '
                    f'{brief(error)}') from error

    @contextmanager
    def _opened(self, path: Path, values: bool
                ) -> Iterator[sitk.ImageFileReader]:
        """Open a file, or a copy whose header ITK understands.

        Args:
            path: The file.
            values: Whether its values will be read, which are then checked.
        """
        header = read_header(path) if path.is_file() else None
        mended = None if header is None else _mended(path, header)
        if mended is None:
            reader = self._open(path, path)
            if values:
                _check_data(path, header)
            yield reader
            return
        with scratch_folder() as folder:
            copy = folder / 'copy.nii'
            copy.write_bytes(mended.tobytes().ljust(352, b'\0'))
            reader = self._open(copy, path)
            if values:
                _check_data(path, header)
                with copy.open('ab') as stream:
                    for chunk in _stored(path, header):
                        stream.write(chunk)
            yield reader

    def _open(self, file: Path, named: Path) -> sitk.ImageFileReader:
        return open_header(file, 'NiftiImageIO', 'NIfTI volume', self.channel,
                           named)


def _mended(path: Path, header: np.ndarray) -> np.ndarray | None:
    """The header that ITK is given instead; None if it needs no other."""
    stored, header = header, of_volumes(header)
    first = as_first(header)
    # NIfTI-1 has 16 bits for each length.
    if (np.array(header['dim']) != first['dim']).any():
        raise InputError(
            f'{path}: expected at most 32767 voxels along each axis, found '
            f'{" x ".join(str(n) for n in header["dim"][1:4])}; cut it')
    first['vox_offset'] = 352
    changed = (is_second(header) or header['vox_offset'] == 0
               or (header['dim'] != stored['dim'])[:header['dim'][0] + 1].any()
               or not path.name.endswith(_ITK_SUFFIXES))
    if not np.isfinite(first['scl_slope']) or first['scl_slope'] == 0:
        changed |= bool(first['scl_inter'])
        first['scl_slope'], first['scl_inter'] = 1, 0
    forms = affines(header)
    for code in ('qform_code', 'sform_code'):
        if header[code] > 0 and code not in forms:
            first[code], changed = 0, True
    changed |= _spaced_as_placed(first, forms)
    # Of two forms, ITK takes the one that is rectangular.
    if list(forms) == ['sform_code']:
        matrix = forms['sform_code']
        angle = shear(matrix)
        if angle > _SHEARED:
            raise InputError(
                f'{path}: expected axes at right angles (sform), found two '
                f'with a cosine of {angle:.3g}; resample it to a rectangular '
                'grid first')
        if angle > _RIGHT_ANGLE:
            _note_shear(path, angle)
            first['srow'][:, :3] = orthonormal(matrix[:, :3]) * np.linalg.norm(
                matrix[:, :3], axis=0)
            changed = True
    return first if changed else None


def _spaced_as_placed(first: np.ndarray, forms: dict[str, np.ndarray]
                      ) -> bool:
    """Give a header the sform's spacing where ITK would take another one.

    Where ITK takes the sform, it takes its origin and axes, but the spacing of
    the qform (pixdim), which programs leave as it was. It takes the qform if
    that counts and the sform is not the scanner's.

    Returns:
        Whether the header was changed.
    """
    if 'sform_code' not in forms or (
            'qform_code' in forms and first['sform_code'] != _SCANNER):
        return False
    spacing = np.linalg.norm(forms['sform_code'][:, :3], axis=0)
    if np.allclose(spacing, first['pixdim'][1:4], rtol=1e-4, atol=0):
        return False
    first['pixdim'][1:4], first['qform_code'] = spacing, 0
    return True


def _size(header: np.ndarray) -> int:
    """The bytes that the values have by a header."""
    rank = int(header['dim'][0])
    return (math.prod(int(n) for n in header['dim'][1:rank + 1])
            * int(header['bitpix']) // 8)


def _offset(path: Path, header: np.ndarray) -> int:
    """The bytes before the first value; 0 stands for the header alone."""
    first, offset = _FIRST_VALUE[is_second(header)], header['vox_offset']
    if offset == 0:
        return first
    if not first <= offset < _MOST_BEFORE:
        raise InputError(f'{path}: expected the offset of its values '
                         f'(vox_offset), {first} or more, found {offset:g}')
    return int(offset)


def _stored(path: Path, header: np.ndarray) -> Iterator[bytes]:
    """Read what is stored from the first value on, in parts.

    Raises:
        InputError: If the header does not say where that is, or the file
            cannot be decompressed.
    """
    offset = _offset(path, header)
    try:
        with open_nifti(path) as stream:
            before = len(stream.read(offset))
            if before < offset:
                raise InputError(
                    f'{path}: expected {offset} bytes before its values '
                    f'(vox_offset), found {before}; the file is truncated')
            while chunk := stream.read(_CHUNK):
                yield chunk
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f'{path}: expected a complete gzip stream, found: '
                         f'{error}') from error


def _note_shear(path: Path, angle: float) -> None:
    """Say that a grid is not quite rectangular, of the first one alone.

    The files of a data set have it in common.
    """
    if not _sheared:
        print(f'note: {path}: its axes are not at right angles (a cosine of '
              f'{angle:.3g}); the nearest rectangular grid is taken, also '
              'for others like it', file=sys.stderr)
    _sheared.add(path)


def _check_data(path: Path, header: np.ndarray) -> None:
    """Refuse what ITK silently replaces with zeros.

    It does so with the rest of a truncated file, and with voxels that are not
    finite numbers.
    """
    kind = _FLOATS.get(int(header['datatype']))
    order = byte_order(header)
    found = broken = 0
    expected = _size(header)
    if path.suffix.lower() == '.gz':
        refuse_bomb(path, expected, path.stat().st_size)
    for chunk in _stored(path, header):
        found += len(chunk)
        if kind:
            whole = len(chunk) // 8 * 8
            values = np.frombuffer(chunk[:whole], order + kind)
            broken += np.count_nonzero(~np.isfinite(values))
        if found > expected + _REST:
            raise InputError(f'{path}: expected {expected} bytes of values '
                             'by its header, found many more')
    if found < expected:
        before = _offset(path, header)
        raise InputError(
            f'{path}: expected {before + expected} bytes by its header, found '
            f'{before + found}; the file is truncated')
    if broken:
        raise InputError(f'{path}: expected finite values, found {broken} '
                         'voxels that are NaN or infinite')
