"""All readers of labels, and the search for the right one."""

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import require_input
from mmdbsam.io.label_readers.dicom_objects import DicomObjectReader
from mmdbsam.io.label_readers.index_arrays import IndexArrayReader
from mmdbsam.io.label_readers.index_masks import MaskReader
from mmdbsam.io.label_readers.label_reader import LabelReader
from mmdbsam.io.label_readers.label_volume import LabelVolumeReader
from mmdbsam.io.label_readers.openkbp import OpenKbpStructureReader
from mmdbsam.io.label_readers.slicer_segmentation import (
    SlicerSegmentationReader,
)
from mmdbsam.io.readers.reader import is_clutter

#: The first reader that knows a path reads it.
LABEL_READERS = (DicomObjectReader, SlicerSegmentationReader, IndexArrayReader,
                 MaskReader, OpenKbpStructureReader, LabelVolumeReader)


class LabelReaders:
    """All readers of labels.

    Args:
        series: See :class:`LabelReader`.
    """

    def __init__(self, series: Iterable[str] = ()) -> None:
        self.readers = [reader(series) for reader in LABEL_READERS]

    def case_name(self, path: Path) -> str | None:
        """See :meth:`LabelReader.case_name`."""
        if is_clutter(path):
            return None
        names = (reader.case_name(path) for reader in self.readers)
        # macOS writes letters such as umlauts as two characters.
        return next((unicodedata.normalize('NFC', name) for name in names
                     if name), None)

    def find(self, path: Path) -> LabelReader:
        """The reader of a path.

        Raises:
            InputError: If there is none, or the path is a pipe or a device.
        """
        require_input(path)
        for reader in self.readers:
            if reader.case_name(path):
                return reader
        raise InputError(f'{path}: expected a file of labels, found a kind '
                         'that no reader knows')
