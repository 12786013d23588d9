"""NRRD and MetaImage files."""

from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, geometry_of
from mmdbsam.io.readers.reader import (
    VolumeReader,
    brief,
    count_volumes,
    open_header,
)


class _ItkFileReader(VolumeReader):
    """Reads files whose ITK reader refuses incomplete data."""

    image_io = ''
    kind = ''

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`."""
        return geometry_of(self._open(path))

    def count(self, path: Path) -> int:
        """See :class:`VolumeReader`."""
        return count_volumes(path, self.image_io)

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        reader = self._open(path)
        try:
            return reader.Execute()
        except RuntimeError as error:
            raise InputError(f'{path}: expected a complete {self.kind}, '
                             f'found: {brief(error)}') from error

    def _open(self, path: Path) -> sitk.ImageFileReader:
        return open_header(path, self.image_io, self.kind, self.channel)


class NrrdReader(_ItkFileReader):
    """Reads NRRD, with the header in the data's file or in its own."""

    suffixes = ('.nrrd', '.nhdr')
    image_io = 'NrrdImageIO'
    kind = 'NRRD volume'


class MetaImageReader(_ItkFileReader):
    """Reads MetaImage, with the header in the data's file or in its own."""

    suffixes = ('.mha', '.mhd')
    image_io = 'MetaImageIO'
    kind = 'MetaImage volume'
