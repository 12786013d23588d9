"""Readers of volumes, one for each kind of files."""

from mmdbsam.io.readers.all_readers import Readers
from mmdbsam.io.readers.dicom_series import DicomSeriesReader
from mmdbsam.io.readers.itk_files import MetaImageReader, NrrdReader
from mmdbsam.io.readers.medsam import MedsamReader
from mmdbsam.io.readers.nifti import NiftiReader
from mmdbsam.io.readers.pictures import PictureReader
from mmdbsam.io.readers.reader import VolumeReader

__all__ = [
    'DicomSeriesReader', 'MedsamReader', 'MetaImageReader', 'NiftiReader',
    'NrrdReader', 'PictureReader', 'Readers', 'VolumeReader'
]
