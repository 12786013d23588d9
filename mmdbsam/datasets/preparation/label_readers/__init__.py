"""Readers of labels, one for each kind of files.

The first that knows a file reads it: the one for any volume comes last.
"""

from mmdbsam.datasets.preparation.label_readers.dicom_objects import (
    DicomObjectReader,
)
from mmdbsam.datasets.preparation.label_readers.index_arrays import (
    IndexArrayReader,
)
from mmdbsam.datasets.preparation.label_readers.index_masks import MaskReader
from mmdbsam.datasets.preparation.label_readers.label_reader import (
    LabelMap,
    LabelReader,
    LabelReaders,
)
from mmdbsam.datasets.preparation.label_readers.label_volume import (
    LabelVolumeReader,
)

__all__ = [
    'DicomObjectReader', 'IndexArrayReader', 'LabelMap', 'LabelReader',
    'LabelReaders', 'LabelVolumeReader', 'MaskReader'
]
