"""DICOM slices in the compressed forms that archives deliver."""

import locale

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import write_slices
from pydicom import dcmread
from pydicom.uid import (
    JPEG2000Lossless,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from mmdbsam.io.readers import Readers


def compressed_by_itk(path, compressor):
    """Write a slice again, with one of GDCM's ways to compress."""
    image = sitk.ReadImage(path, imageIO='GDCMImageIO')
    writer = sitk.ImageFileWriter()
    writer.SetImageIO('GDCMImageIO')
    writer.KeepOriginalImageUIDOn()
    writer.UseCompressionOn()
    writer.SetCompressor(compressor)
    writer.SetFileName(path)
    before = locale.setlocale(locale.LC_ALL)
    writer.Execute(image)
    # GDCM leaves the locale 'C' behind.
    locale.setlocale(locale.LC_ALL, before)


def compressed_by_pydicom(path, syntax):
    header = dcmread(path)
    header.compress(syntax)
    header.save_as(path)


@pytest.mark.parametrize('compress, way, syntax', [
    (compressed_by_itk, 'JPEG', JPEGLosslessSV1),
    (compressed_by_itk, 'JPEG2000', JPEG2000Lossless),
    (compressed_by_pydicom, JPEGLSLossless, JPEGLSLossless),
    (compressed_by_pydicom, RLELossless, RLELossless)])
def test_compressed_slices(tmp_path, compress, way, syntax):
    stored = np.random.default_rng(0).integers(
        -1024, 3000, (4, 17, 19)).astype(np.int16)
    series = write_slices(tmp_path / 'series', stored, [0, 3, 6, 9])
    for path in series.iterdir():
        compress(path, way)
        assert dcmread(path).file_meta.TransferSyntaxUID == syntax
    image = Readers().find(series).read(series)
    np.testing.assert_array_equal(sitk.GetArrayFromImage(image), stored)
    assert image.GetSpacing()[2] == 3
