"""Writers of masks to the files that viewers and archives read."""

from mmdbsam.io.writers.all_writers import Writers
from mmdbsam.io.writers.dicom_seg import DicomSegWriter
from mmdbsam.io.writers.label_volumes import (
    MetaImageWriter,
    NiftiWriter,
    NrrdWriter,
    label_descriptions,
    write_probabilities,
)
from mmdbsam.io.writers.pictures import PngWriter
from mmdbsam.io.writers.writer import SegmentationWriter

__all__ = [
    'DicomSegWriter', 'MetaImageWriter', 'NiftiWriter', 'NrrdWriter',
    'PngWriter', 'SegmentationWriter', 'Writers', 'label_descriptions',
    'write_probabilities'
]
