"""All readers of volumes."""

from collections.abc import Iterable

from mmdbsam.io.reader_choice import ReaderChoice
from mmdbsam.io.readers.dicom_series import DicomSeriesReader
from mmdbsam.io.readers.itk_files import MetaImageReader, NrrdReader
from mmdbsam.io.readers.medsam import MedsamReader
from mmdbsam.io.readers.nifti import NiftiReader
from mmdbsam.io.readers.openkbp import OpenKbpReader
from mmdbsam.io.readers.pictures import PictureReader
from mmdbsam.io.readers.reader import VolumeReader

#: The first reader that knows a path reads it.
VOLUME_READERS = (DicomSeriesReader, NrrdReader, MetaImageReader,
                  PictureReader, MedsamReader, OpenKbpReader, NiftiReader)
#: What they read, for messages.
FORMATS = ', '.join(suffix for reader in VOLUME_READERS
                    for suffix in reader.suffixes
                    ) + ' files or folders of a DICOM series'


class Readers(ReaderChoice[VolumeReader]):
    """All readers of volumes.

    Args:
        series: See :class:`VolumeReader`.
        channel: See :class:`VolumeReader`.
    """

    def __init__(self, series: Iterable[str] = (),
                 channel: int | None = None) -> None:
        super().__init__([reader(series, channel)
                          for reader in VOLUME_READERS], FORMATS)
