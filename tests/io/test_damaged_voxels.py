"""NRRD and MetaImage: damage that ITK passes over, or that ends it."""

import os
import re

import numpy as np
import pytest
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.readers import Readers

VALUES = np.random.default_rng(0).integers(0, 90, (8, 16, 16), np.int16)
NAMES = ['a.mha', 'a.mhd', 'a.nrrd', 'a.nhdr']


def written(folder, name, compressed=True):
    """A volume, and the file that holds its voxels."""
    sitk.WriteImage(sitk.GetImageFromArray(VALUES), str(folder / name),
                    compressed)
    others = [path for path in folder.iterdir() if path.name != name]
    return folder / name, (others or [folder / name])[0]


def read(path):
    return sitk.GetArrayFromImage(Readers().find(path).read(path))


@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize('name', NAMES)
def test_whole_files_are_read(tmp_path, name, compressed):
    path, _ = written(tmp_path, name, compressed)
    np.testing.assert_array_equal(read(path), VALUES)


@pytest.mark.parametrize('name', NAMES)
def test_every_flipped_bit_of_compressed_voxels_is_found(tmp_path, name):
    path, voxels = written(tmp_path, name)
    whole = voxels.read_bytes()
    assert len(whole) > 400
    unharmed = []
    # Those of gzip's own header say when and where the file was packed.
    for place in range(len(whole) - 200, len(whole)):
        voxels.write_bytes(whole[:place] + bytes([whole[place] ^ 4])
                           + whole[place + 1:])
        try:
            found = read(path)
        except InputError as error:
            assert str(error).startswith(f'{path}: ')
        else:
            # The last byte may have bits that nothing depends on.
            np.testing.assert_array_equal(found, VALUES)
            unharmed.append(place)
    assert len(unharmed) <= 1


@pytest.mark.parametrize('compressed', [False, True])
@pytest.mark.parametrize('name', NAMES)
def test_cut_files(tmp_path, capfd, name, compressed):
    path, voxels = written(tmp_path, name, compressed)
    whole = voxels.read_bytes()
    for length in (len(whole) - 1, len(whole) // 2, 1, 0):
        voxels.write_bytes(whole[:length])
        with pytest.raises(InputError, match=re.escape(str(path))):
            read(path)
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize(('old', 'new', 'field'), [
    (b'NDims = 3', b'NDims = -1', 'NDims'),
    (b'NDims = 3', b'NDims = 20', 'NDims'),
    (b'NDims = 3', b'NDims = 2', 'DimSize'),
    (b'NDims = 3', b'', 'NDims'),
    (b'16 16 8', b'16 16 -8', 'DimSize'),
    (b'16 16 8', b'16 16', 'DimSize'),
    (b'16 16 8', b'60000 60000 60000', ''),
    (b'DataSize = ', b'DataSize = -', 'CompressedDataSize'),
    (b'DataSize = ', b'DataSize = 99', ''),
    (b'CompressedDataSize', b'Comment', 'CompressedDataSize'),
    (b'MET_SHORT', b'MET_STRING', 'ElementType'),
    (b'MET_SHORT', b'MET_DOUBLE', ''),
    (b'ElementType', b'ElementNumberOfChannels = -1\nElementType',
     'ElementNumberOfChannels'),
    (b'LOCAL', b'/dev/zero', ''),
    (b'LOCAL', b'nowhere.zraw', ''),
    (b'ElementDataFile', b'DataFile', ''),
])
def test_impossible_headers_of_meta_images(tmp_path, capfd, old, new, field):
    path, _ = written(tmp_path, 'a.mha')
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        read(path)
    assert field in str(error.value) and '\n' not in str(error.value)
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize(('old', 'new', 'field'), [
    (b'encoding: gzip', b'encoding: txt', ''),
    (b'encoding: gzip', b'encoding: bzip2', 'encoding'),
    (b'encoding: gzip', b'encoding: raw', ''),
    (b'dimension: 3', b'dimension: 17', 'sizes'),
    (b'dimension: 3', b'dimension: x', 'dimension'),
    (b'16 16 8', b'16 16 0', 'sizes'),
    (b'16 16 8', b'160000 160000 8000', ''),
    (b'16 16 8', b'9' * 5000, 'sizes'),
    (b'type: short', b'type: block', 'type'),
    (b'NRRD0004', b'NRRD0009', 'NRRD'),
])
def test_impossible_headers_of_nrrd(tmp_path, capfd, old, new, field):
    path, _ = written(tmp_path, 'a.nrrd')
    whole = path.read_bytes()
    assert old in whole
    path.write_bytes(whole.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        read(path)
    assert field in str(error.value) and '\n' not in str(error.value)
    assert capfd.readouterr().err == ''


@pytest.mark.parametrize(('encoding', 'text'), [
    ('ascii', ' '.join(map(str, range(8)))),
    ('hex', ''.join(f'{value:02x}' for value in range(8)))])
def test_voxels_as_text(tmp_path, encoding, text):
    path = tmp_path / 'a.nrrd'
    head = ('NRRD0004\ntype: uchar\ndimension: 3\nsizes: 2 2 2\n'
            f'encoding: {encoding}\n\n')
    path.write_text(f'{head}{text}\n')
    assert read(path).ravel().tolist() == list(range(8))
    path.write_text(f'{head}{text[:-2]}\n')
    with pytest.raises(InputError, match='expected 8 values'):
        read(path)


def test_a_bomb(tmp_path):
    path = tmp_path / 'a.mha'
    sitk.WriteImage(sitk.Image(64, 64, 64, sitk.sitkUInt8), str(path), True)
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b'64 64 64', b'4096 4096 999'))
    with pytest.raises(InputError, match='found 16.8 GB of one value in'):
        read(path)


@pytest.mark.parametrize('readers', [Readers(), LabelReaders()])
@pytest.mark.parametrize('name', ['a.nii.gz', 'a.mha', 'a.png', 'a.npz'])
def test_pipes_and_devices(tmp_path, readers, name):
    os.mkfifo(tmp_path / name)
    (tmp_path / f'zero.{name}').symlink_to('/dev/zero')
    for path in (tmp_path / name, tmp_path / f'zero.{name}'):
        with pytest.raises(InputError, match='found a pipe or a device'):
            readers.find(path)
