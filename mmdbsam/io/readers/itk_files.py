"""NRRD and MetaImage files."""

from abc import abstractmethod
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, geometry_of
from mmdbsam.io.quiet import quiet
from mmdbsam.io.readers.reader import (
    VolumeReader,
    brief,
    count_volumes,
    open_header,
)
from mmdbsam.io.readers.stored_voxels import (
    StoredVoxels,
    check_voxels,
    meta_image_voxels,
    nrrd_voxels,
)


class _ItkFileReader(VolumeReader):
    """Reads files whose voxels are checked before ITK reads them."""

    image_io = ''
    kind = ''

    @staticmethod
    @abstractmethod
    def voxels(path: Path) -> StoredVoxels | None:
        """Read where a file keeps its voxels.

        Raises:
            InputError: If the header is not sound.
        """

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`."""
        return geometry_of(self._open(path))

    def count(self, path: Path) -> int:
        """See :class:`VolumeReader`."""
        try:
            self.voxels(path)
        except InputError:
            # Reading the file will report the error.
            return 1
        return count_volumes(path, self.image_io)

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        reader = self._open(path)
        if voxels := self.voxels(path):
            check_voxels(path, voxels)
        try:
            with quiet():
                return reader.Execute()
        except RuntimeError as error:
            raise InputError(f'{path}: expected a complete {self.kind}, '
                             f'found: {brief(error)}') from error

    def _open(self, path: Path) -> sitk.ImageFileReader:
        # A header that is not sound could end the process.
        self.voxels(path)
        return open_header(path, self.image_io, self.kind, self.channel)


class NrrdReader(_ItkFileReader):
    """Reads NRRD, with the header in the data's file or in its own."""

    suffixes = ('.nrrd', '.nhdr')
    image_io = 'NrrdImageIO'
    kind = 'NRRD volume'
    voxels = staticmethod(nrrd_voxels)


class MetaImageReader(_ItkFileReader):
    """Reads MetaImage, with the header in the data's file or in its own."""

    suffixes = ('.mha', '.mhd')
    image_io = 'MetaImageIO'
    kind = 'MetaImage volume'
    voxels = staticmethod(meta_image_voxels)
