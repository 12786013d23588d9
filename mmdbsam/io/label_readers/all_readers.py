"""All readers of labels."""

from collections.abc import Iterable

from mmdbsam.io.label_readers.dicom_objects import DicomObjectReader
from mmdbsam.io.label_readers.index_arrays import IndexArrayReader
from mmdbsam.io.label_readers.index_masks import MaskReader
from mmdbsam.io.label_readers.label_reader import LabelReader
from mmdbsam.io.label_readers.label_volume import LabelVolumeReader
from mmdbsam.io.label_readers.openkbp import OpenKbpStructureReader
from mmdbsam.io.label_readers.slicer_segmentation import (
    SlicerSegmentationReader,
)
from mmdbsam.io.reader_choice import ReaderChoice

#: The first reader that knows a path reads it.
LABEL_READERS = (DicomObjectReader, SlicerSegmentationReader, IndexArrayReader,
                 MaskReader, OpenKbpStructureReader, LabelVolumeReader)


class LabelReaders(ReaderChoice[LabelReader]):
    """All readers of labels.

    Args:
        series: See :class:`LabelReader`.
    """

    def __init__(self, series: Iterable[str] = ()) -> None:
        super().__init__([reader(series) for reader in LABEL_READERS],
                         'a file of labels, found a kind that no reader knows')
