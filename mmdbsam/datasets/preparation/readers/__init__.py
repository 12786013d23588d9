"""Readers of volumes, one for each kind of files."""

from mmdbsam.datasets.preparation.readers.dicom_series import DicomSeriesReader
from mmdbsam.datasets.preparation.readers.itk_files import (
    MetaImageReader,
    NrrdReader,
)
from mmdbsam.datasets.preparation.readers.nifti import NiftiReader
from mmdbsam.datasets.preparation.readers.reader import Readers, VolumeReader

__all__ = [
    'DicomSeriesReader', 'MetaImageReader', 'NiftiReader', 'NrrdReader',
    'Readers', 'VolumeReader'
]
