"""NIfTI files."""

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, geometry_of
from mmdbsam.io.readers.reader import VolumeReader, open_header

# NIfTI's codes of the types that can hold NaN or infinity.
_FLOATS = {'16': 'f4', '64': 'f8'}
# The first byte of the header's size, 348 or 540, in little-endian order.
_LITTLE_ENDIAN = ((348).to_bytes(4, 'little')[:1],
                  (540).to_bytes(4, 'little')[:1])


class NiftiReader(VolumeReader):
    """Reads NIfTI-1 and NIfTI-2, plain or compressed."""

    suffixes = ('.nii.gz', '.nii')

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`."""
        return geometry_of(self._open(path))

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        reader = self._open(path)
        _check_data(path, reader)
        return reader.Execute()

    def _open(self, path: Path) -> sitk.ImageFileReader:
        return open_header(path, 'NiftiImageIO', 'NIfTI volume', self.channel)


def _check_data(path: Path, reader: sitk.ImageFileReader) -> None:
    """Refuse what ITK silently replaces with zeros.

    It does so with the rest of a truncated file, and with voxels that are not
    finite numbers.
    """
    offset = int(float(reader.GetMetaData('vox_offset')))
    expected = (math.prod(reader.GetSize())
                * int(reader.GetMetaData('bitpix')) // 8)
    kind = _FLOATS.get(reader.GetMetaData('datatype'))
    opener = gzip.open if path.suffix.lower() == '.gz' else open
    found = broken = 0
    try:
        with opener(path, 'rb') as stream:
            header = stream.read(offset)
            order = '<' if header[:1] in _LITTLE_ENDIAN else '>'
            while chunk := stream.read(1 << 20):
                found += len(chunk)
                if kind:
                    whole = len(chunk) // 8 * 8
                    values = np.frombuffer(chunk[:whole], order + kind)
                    broken += np.count_nonzero(~np.isfinite(values))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f'{path}: expected a complete gzip stream, found: '
                         f'{error}') from error
    if found < expected:
        raise InputError(
            f'{path}: expected {offset + expected} bytes by its header, found '
            f'{len(header) + found}; the file is truncated')
    if broken:
        raise InputError(f'{path}: expected finite values, found {broken} '
                         'voxels that are NaN or infinite')
