"""Readers of volumes, one for each kind of files."""

from mmdbsam.datasets.preparation.readers.dicom_series import DicomSeriesReader
from mmdbsam.datasets.preparation.readers.itk_files import (
    MetaImageReader,
    NrrdReader,
)
from mmdbsam.datasets.preparation.readers.medsam import MedsamReader
from mmdbsam.datasets.preparation.readers.nifti import NiftiReader
from mmdbsam.datasets.preparation.readers.pictures import PictureReader
from mmdbsam.datasets.preparation.readers.reader import Readers, VolumeReader

__all__ = [
    'DicomSeriesReader', 'MedsamReader', 'MetaImageReader', 'NiftiReader',
    'NrrdReader', 'PictureReader', 'Readers', 'VolumeReader'
]
