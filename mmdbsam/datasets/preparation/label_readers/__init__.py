"""Readers of labels, one for each kind of files."""

from mmdbsam.datasets.preparation.label_readers.label_reader import (
    LabelMap,
    LabelReader,
    LabelReaders,
)
from mmdbsam.datasets.preparation.label_readers.label_volume import (
    LabelVolumeReader,
)

__all__ = ['LabelMap', 'LabelReader', 'LabelReaders', 'LabelVolumeReader']
