"""Readers of labels, one for each kind of files.

The first reader that knows a file reads it, so the one for any volume comes
last.
"""

from mmdbsam.io.label_readers.all_readers import LabelReaders
from mmdbsam.io.label_readers.dicom_objects import DicomObjectReader
from mmdbsam.io.label_readers.index_arrays import IndexArrayReader
from mmdbsam.io.label_readers.index_masks import MaskReader
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.label_readers.label_volume import LabelVolumeReader
from mmdbsam.io.label_readers.slicer_segmentation import (
    SlicerSegmentationReader,
)

__all__ = [
    'DicomObjectReader', 'IndexArrayReader', 'LabelMap', 'LabelReader',
    'LabelReaders', 'LabelVolumeReader', 'MaskReader',
    'SlicerSegmentationReader'
]
