"""From masks to the files that viewers and archives read."""

from mmdbsam.writers.dicom_seg import DicomSegWriter
from mmdbsam.writers.label_volumes import (
    MetaImageWriter,
    NiftiWriter,
    NrrdWriter,
    label_descriptions,
)
from mmdbsam.writers.pictures import PngWriter
from mmdbsam.writers.writer import SegmentationWriter, Writers

__all__ = [
    'DicomSegWriter', 'MetaImageWriter', 'NiftiWriter', 'NrrdWriter',
    'PngWriter', 'SegmentationWriter', 'Writers',
    'label_descriptions'
]
