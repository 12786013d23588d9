"""All readers of volumes, and the search for the right one."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import require_input
from mmdbsam.io.readers.dicom_series import DicomSeriesReader
from mmdbsam.io.readers.itk_files import MetaImageReader, NrrdReader
from mmdbsam.io.readers.medsam import MedsamReader
from mmdbsam.io.readers.nifti import NiftiReader
from mmdbsam.io.readers.openkbp import OpenKbpReader
from mmdbsam.io.readers.pictures import PictureReader
from mmdbsam.io.readers.reader import VolumeReader, is_clutter

#: The first reader that knows a path reads it.
VOLUME_READERS = (DicomSeriesReader, NrrdReader, MetaImageReader,
                  PictureReader, MedsamReader, OpenKbpReader, NiftiReader)


class Readers:
    """All readers of volumes.

    Args:
        series: See :class:`VolumeReader`.
        channel: See :class:`VolumeReader`.
    """

    def __init__(self, series: Iterable[str] = (),
                 channel: int | None = None) -> None:
        self.readers = [reader(series, channel)
                        for reader in VOLUME_READERS]

    def case_name(self, path: Path) -> str | None:
        """See :meth:`VolumeReader.case_name`."""
        if is_clutter(path):
            return None
        names = (reader.case_name(path) for reader in self.readers)
        # macOS writes letters such as umlauts as two characters.
        return next((unicodedata.normalize('NFC', name) for name in names
                     if name), None)

    def find(self, path: Path) -> VolumeReader:
        """The reader of a path.

        Raises:
            InputError: If there is none, or the path is a pipe or a device.
        """
        require_input(path)
        for reader in self.readers:
            if reader.case_name(path):
                return reader
        raise InputError(f'{path}: expected {self.formats()}')

    def formats(self) -> str:
        """The kinds of files that can be read, for messages."""
        suffixes = [suffix for reader in self.readers
                    for suffix in reader.suffixes]
        return ', '.join(suffixes) + ' files or folders of a DICOM series'
