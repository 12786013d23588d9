"""NIfTI files."""

import gzip
import math
import zlib
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.datasets.preparation.grids import Geometry, geometry_of
from mmdbsam.datasets.preparation.readers.reader import (
    VolumeReader,
    open_header,
)
from mmdbsam.errors import InputError
from mmdbsam.registry import VOLUME_READERS


@VOLUME_READERS.register_module()
class NiftiReader(VolumeReader):
    """NIfTI-1 and -2, plain or compressed."""

    suffixes = ('.nii.gz', '.nii')

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`."""
        return geometry_of(_open(path))

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        reader = _open(path)
        _check_complete(path, reader)
        return reader.Execute()


def _open(path: Path) -> sitk.ImageFileReader:
    return open_header(path, 'NiftiImageIO', 'NIfTI volume')


def _check_complete(path: Path, reader: sitk.ImageFileReader) -> None:
    """Refuse a truncated or damaged file, which ITK fills up in silence."""
    expected = int(float(reader.GetMetaData('vox_offset'))) + (
        math.prod(reader.GetSize()) * int(reader.GetMetaData('bitpix')) // 8)
    opener = gzip.open if path.suffix.lower() == '.gz' else open
    found = 0
    try:
        with opener(path, 'rb') as stream:
            while chunk := stream.read(1 << 20):
                found += len(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f'{path}: expected a complete gzip stream, found: '
                         f'{error}') from error
    if found < expected:
        raise InputError(f'{path}: expected {expected} bytes by its header, '
                         f'found {found}; the file is truncated')
