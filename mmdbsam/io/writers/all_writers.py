"""All writers of segmentations, and the search for the right one."""

from collections.abc import Iterable
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.readers import VolumeReader
from mmdbsam.io.writers.dicom_seg import DicomSegWriter
from mmdbsam.io.writers.label_volumes import (
    MetaImageWriter,
    NiftiWriter,
    NrrdWriter,
)
from mmdbsam.io.writers.pictures import PngWriter
from mmdbsam.io.writers.writer import SegmentationWriter

#: The first writer that knows a suffix writes the file.
SEGMENTATION_WRITERS = (DicomSegWriter, NiftiWriter, NrrdWriter,
                        MetaImageWriter, PngWriter)


class Writers:
    """All writers of segmentations.

    Args:
        series: See :class:`SegmentationWriter`.
    """

    def __init__(self, series: Iterable[str] = ()) -> None:
        self.writers = [writer(series) for writer in SEGMENTATION_WRITERS]

    def find(self, path: Path) -> SegmentationWriter:
        """The writer of a file, by its suffix.

        Raises:
            InputError: If there is none.
        """
        for writer in self.writers:
            if writer.stem(path):
                return writer
        suffixes = [suffix for writer in self.writers
                    for suffix in writer.suffixes]
        raise InputError(f'{path}: expected a file name that ends in '
                         f'{", ".join(suffixes)}')

    def suffix_for(self, reader: VolumeReader) -> str:
        """The suffix of a file that is named after an image of that reader."""
        return next((writer.suffixes[0] for writer in self.writers
                     if isinstance(reader, writer.readers)), '.nii.gz')
