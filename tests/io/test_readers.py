"""Volumes in files other than NIfTI: values, grids and refusals."""

import locale
import shutil
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import KEEP_ALL, volume

from mmdbsam.errors import InputError
from mmdbsam.io.readers import Readers
from mmdbsam.preparation import (
    LabelFile,
    SourceCase,
    prepare_dataset,
    read_case,
)

# A rotation about an axis that is not one of the grid's.
_AXIS = np.array([1., 2., 3.]) / np.sqrt(14)
_CROSS = np.cross(np.eye(3), _AXIS)
OBLIQUE = (np.eye(3) + np.sin(0.3) * _CROSS
           + (1 - np.cos(0.3)) * _CROSS @ _CROSS)
SHARED = Path(__file__).parents[3] / 'shared/data/dicom_ct'


@pytest.fixture
def scan():
    """An asymmetric volume in HU on an oblique, anisotropic grid."""
    array = np.random.default_rng(0).integers(-1000, 1000, (5, 6, 7))
    return volume(array, (0.5, 0.75, 2.5), (-12., 30.5, 7.), OBLIQUE.ravel())


def write_series(image, folder, uid='1.2.3', order=1, rescale=(1, 0)):
    """Write a DICOM series, its files named in or against their order."""
    folder.mkdir(parents=True, exist_ok=True)
    slope, intercept = rescale  # ITK undoes them when it writes
    stored = sitk.Cast(image, sitk.sitkInt16)
    direction = image.GetDirection()
    characters = locale.setlocale(locale.LC_CTYPE)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    for index in range(image.GetDepth()):
        piece = stored[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        for tag, value in {
                '0008|0060': 'CT', '0008|103e': f'series {uid}',
                '0020|000d': '1.2', '0020|000e': uid,
                '0008|0018': f'{uid}.{index}',
                '0020|0013': str(index),
                '0028|1052': str(intercept), '0028|1053': str(slope),
                # The reader must not believe this: the positions say
                # otherwise.
                '0018|0050': '9',
                '0020|0032': '\\'.join(f'{x:.9f}' for x in position),
                '0020|0037': '\\'.join(
                    f'{direction[i]:.9f}' for i in (0, 3, 6, 1, 4, 7)),
        }.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f'{uid}_{order * index + 50}.dcm'))
        writer.Execute(piece)
    # GDCM leaves it at 'C', in which Python reads files as ASCII.
    locale.setlocale(locale.LC_CTYPE, characters)
    return folder


def read(path, **options):
    readers = Readers(**options)
    reader = readers.find(path)
    image, geometry = reader.read(path), reader.geometry(path)
    for key, found in (('spacing', image.GetSpacing()),
                       ('origin', image.GetOrigin()),
                       ('direction', image.GetDirection()),
                       ('size', image.GetSize())):
        np.testing.assert_allclose(geometry[key], found)
    return image


def assert_same(found, wanted):
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found),
                                  sitk.GetArrayFromImage(wanted))
    for name in ('GetSpacing', 'GetOrigin', 'GetDirection'):
        np.testing.assert_allclose(getattr(found, name)(),
                                   getattr(wanted, name)(), atol=1e-5)


@pytest.mark.parametrize('name', ['ä b.nrrd', 'a.nhdr', 'a.mha', 'a.mhd'])
@pytest.mark.parametrize('compress', [True, False])
def test_files_of_itk(scan, tmp_path, name, compress):
    sitk.WriteImage(scan, str(tmp_path / name), compress)
    assert Readers().case_name(tmp_path / name) == Path(name).stem
    assert_same(read(tmp_path / name), scan)


@pytest.mark.parametrize('name', ['a.nrrd', 'a.mha'])
@pytest.mark.parametrize('compress', [True, False])
def test_truncated_files_are_refused(scan, tmp_path, name, compress):
    path = tmp_path / name
    sitk.WriteImage(scan, str(path), compress)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(InputError, match=f'{name}: expected '):
        read(path)
    path.write_bytes(b'no volume')
    with pytest.raises(InputError, match=f'{name}: expected an intact '):
        read(path)


@pytest.mark.parametrize('order', [1, -1])
@pytest.mark.parametrize('rescale', [(1, 0), (2, -1024)])
def test_dicom_series(scan, tmp_path, order, rescale):
    """Values are rescaled, and the order of the file names is irrelevant."""
    if rescale[0] == 2:
        scan = sitk.Cast(scan / 2, sitk.sitkInt16) * 2
    folder = write_series(scan, tmp_path / 'ä b', '1.2.3', order, rescale)
    (folder / 'readme.txt').write_text('no image')
    assert Readers().case_name(folder) == 'ä b'
    assert_same(read(folder), scan)


def test_dicom_series_against_its_normal(scan, tmp_path):
    """A left-handed grid is turned, but voxels stay in their places."""
    folder = write_series(scan[:, :, ::-1], tmp_path / 'a')
    assert_same(sitk.DICOMOrient(read(folder), 'LPS'),
                sitk.DICOMOrient(scan, 'LPS'))


def test_one_series_of_several(scan, tmp_path):
    folder = write_series(scan, tmp_path / 'a', '1.2.3')
    write_series(scan + 1, folder, '1.2.4')
    with pytest.raises(InputError) as error:
        read(folder)
    message = str(error.value)
    assert 'a: expected one series, found 2: ' in message
    assert "1.2.3 (CT, 'series 1.2.3', 5 files)" in message
    assert message.endswith('choose with --series UID')
    assert_same(read(folder, series=['1.2.4']), scan + 1)
    with pytest.raises(InputError, match='expected one series, found 2'):
        read(folder, series=['1.2.3', '1.2.4'])


def test_bad_series_are_refused(scan, tmp_path):
    def refused(name):
        with pytest.raises(InputError) as error:
            Readers().find(tmp_path / name).geometry(tmp_path / name)
        return str(error.value)

    (tmp_path / 'empty').mkdir()
    assert 'empty: expected the files of a DICOM series' in refused('empty')

    write_series(scan, tmp_path / 'gap')
    (tmp_path / 'gap/1.2.3_52.dcm').unlink()
    assert ('gap: expected a slice every 2.5 mm, found 5 mm between '
            '1.2.3_51.dcm and 1.2.3_53.dcm; slices are missing'
            ) in refused('gap')

    write_series(scan, tmp_path / 'twice')
    shutil.copy(tmp_path / 'twice/1.2.3_52.dcm', tmp_path / 'twice/x.dcm')
    assert 'twice: expected one file at each position' in refused('twice')

    tilted = sitk.Image(scan)
    write_series(tilted, tmp_path / 'tilted')
    tilted.SetOrigin(tilted.TransformContinuousIndexToPhysicalPoint((1, 0, 0)))
    write_series(tilted[:, :, 4:], tmp_path / 'one')
    shutil.copy(tmp_path / 'one/1.2.3_50.dcm',
                tmp_path / 'tilted/1.2.3_54.dcm')
    assert 'a shift of 0.5 mm within them' in refused('tilted')

    write_series(scan, tmp_path / 'sizes')
    write_series(scan[:5, :, 4:], tmp_path / 'small')
    shutil.copy(tmp_path / 'small/1.2.3_50.dcm',
                tmp_path / 'sizes/1.2.3_54.dcm')
    assert 'expected the size of ' in refused('sizes')


def test_no_reader(tmp_path):
    with pytest.raises(InputError, match='a.doc: expected .*DICOM series'):
        Readers().find(tmp_path / 'a.doc')


def test_formats_are_prepared_side_by_side(scan, tmp_path):
    """Cases are of several kinds, one with an image and a label of two."""
    label = sitk.Cast(scan > 0, sitk.sitkUInt8)
    source = tmp_path / 'in'
    for folder in ('images', 'labels'):
        (source / folder).mkdir(parents=True)
    write_series(scan, source / 'images/a')
    sitk.WriteImage(label, str(source / 'labels/a.nrrd'))
    sitk.WriteImage(scan, str(source / 'images/b.mha'))
    sitk.WriteImage(label, str(source / 'labels/b.nii.gz'))
    sitk.WriteImage(scan, str(source / 'images/c.nii'))
    write_series(label, source / 'labels/c')
    data = prepare_dataset(source, tmp_path / 'out', options=KEEP_ALL).data
    assert [case.name for case in data.cases] == ['a', 'b', 'c']
    for case in data.cases[1:]:
        np.testing.assert_array_equal(case.image(), data.cases[0].image())
        np.testing.assert_array_equal(case.label(), data.cases[0].label())
        np.testing.assert_allclose(case.geometry['direction'],
                                   data.cases[0].geometry['direction'],
                                   atol=1e-6)


@pytest.mark.skipif(not SHARED.exists(), reason='no ../shared/data')
def test_real_series_and_its_label():
    """A CT whose file names run against z, with a hand-drawn liver."""
    pair = read_case(SourceCase('a', SHARED / 'series', (
        LabelFile(SHARED / 'liver_seg.nrrd'), )))
    assert pair.image.shape == pair.layers[0].shape == (3, 512, 512)
    np.testing.assert_allclose(pair.geometry['spacing'], [0.811, 0.811, 1],
                               atol=1e-3)
    liver = pair.image[pair.layers[0] > 0]
    # Values are in HU, and the liver is drawn coarsely.
    assert len(liver) > 1000 and 30 < np.median(liver) < 180
