"""DICOM series of which a file was damaged."""

import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import write_slices

from mmdbsam.errors import InputError
from mmdbsam.io.readers import Readers, stored_voxels


@pytest.fixture
def series(tmp_path):
    """The folder of a healthy series of 6 slices."""
    values = np.random.default_rng(0).integers(0, 900, (6, 16, 20), np.int16)
    return write_slices(tmp_path / 'series', values, range(6))


def read(folder):
    return sitk.GetArrayFromImage(Readers().find(folder).read(folder))


@pytest.mark.parametrize('place', [0, 2, 5])
@pytest.mark.parametrize('length', [0, 100, 150, 300, -1])
@pytest.mark.parametrize('suffix', ['.dcm', ''])
def test_a_cut_slice_is_named(series, place, length, suffix):
    for file in series.iterdir():
        file.rename(file.with_name(f'IM{int(file.stem)}{suffix}'))
    file = series / f'IM{place}{suffix}'
    file.write_bytes(file.read_bytes()[:length])
    with pytest.raises(InputError, match=f'{file}: expected') as error:
        read(series)
    assert '\n' not in str(error.value)


def test_what_else_lies_there_is_no_slice(series):
    before = read(series)
    (series / 'readme.txt').write_text('about')
    (series / '.DS_Store').write_bytes(b'\0' * 128 + b'DICM')
    (series / 'DICOMDIR').write_bytes(b'\0' * 128 + b'DICM')
    (series / 'more').mkdir()
    np.testing.assert_array_equal(read(series), before)


def test_a_deflated_bomb(series, monkeypatch):
    """GDCM would inflate all of it; deflated slices are read as others are."""
    from pydicom import dcmread
    from pydicom.uid import DeflatedExplicitVRLittleEndian
    before = read(series)
    for path in series.iterdir():
        header = dcmread(path)
        header.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        header.save_as(path, enforce_file_format=True)
    np.testing.assert_array_equal(read(series), before)
    whole = path.read_bytes()
    start = 144 + int.from_bytes(whole[140:144], 'little')
    packer = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    path.write_bytes(whole[:start] + packer.compress(bytes(1 << 24))
                     + packer.flush())
    monkeypatch.setattr(stored_voxels, '_LARGE', 1 << 20)
    with pytest.raises(InputError, match=f'{path.name}: .*of one value'):
        read(series)
