"""DICOM images: the values and the place of each slice."""

import os
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from dicom_files import (
    dataset_of,
    write_frames,
    write_slice,
    write_slices,
)
from dicom_reading import read, refused
from pydicom import dcmread
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    BasicTextSRStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    ImplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
    RTPlanStorage,
    RTStructureSetStorage,
    SpatialRegistrationStorage,
    generate_uid,
)
from synthetic import KEEP_ALL

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import differences
from mmdbsam.io.readers import Readers
from mmdbsam.preparation import SplitPlan, prepare_dataset

CASES = Path(__file__).parents[3] / 'shared/cases'
RNG = np.random.default_rng(0)
HEIGHTS = [0, 3, 6, 9]


@pytest.mark.skipif(not CASES.exists(), reason='no ../shared/cases')
@pytest.mark.parametrize('case', ['01_rescale_per_slice', '02_monochrome1'])
def test_values_of_reported_series(case):
    values, _ = read(CASES / case / 'images/c')
    np.testing.assert_array_equal(values, np.load(CASES / case /
                                                  'true_hu.npy'))


@pytest.mark.parametrize('slopes, intercepts', [
    ([1, 1, 1, 1], [0, -1024, -1024, -1024]),
    ([1, 1, 1, 1], [-1024, 0, 0, 0]),
    ([1, 2, 3, 4], [-1024, 0, 5, 0]),
    ([0.01, 0.5, 0.3, 7.25], [0, 0, 0, 0]),
    ([1e-4, 1, 1, 1], [0, 0, 0, -0.5])])
@pytest.mark.parametrize('kind', [np.uint16, np.int16, np.uint8])
def test_each_slice_has_its_own_scaling(tmp_path, slopes, intercepts, kind):
    """The first slice's type and scaling say nothing about the others."""
    stored = RNG.integers(0, 250, (4, 5, 6)).astype(kind)
    folder = write_slices(tmp_path / 'a', stored, HEIGHTS,
                          RescaleSlope=slopes, RescaleIntercept=intercepts)
    wanted = (stored * np.reshape(slopes, (4, 1, 1))
              + np.reshape(intercepts, (4, 1, 1)))
    np.testing.assert_allclose(read(folder)[0], wanted, rtol=1e-6)


def test_slices_of_different_types(tmp_path):
    """One slice is stored with a sign, and one in 8 bits."""
    write_slices(tmp_path, np.full((4, 5, 6), 60000, np.uint16), HEIGHTS)
    signed = np.full((5, 6), -7, np.int16)
    write_slice(tmp_path / '001.dcm', signed, (0, 0, 3))
    write_slice(tmp_path / '002.dcm', signed.astype(np.uint8), (0, 0, 6))
    assert read(tmp_path)[0][:, 0, 0].tolist() == [60000, -7, 249, 60000]


@pytest.mark.parametrize('implicit', [True, False])
def test_a_table_of_values_is_refused(tmp_path, implicit):
    """The values would be others than the file's."""
    folder = write_slices(tmp_path / 'a', RNG.integers(
        0, 2, (2, 6, 8)).astype(np.uint16), (0, 1))
    table = dataset_of(LUTDescriptor=[2, 0, 16], ModalityLUTType='HU')
    table.add_new('LUTData', 'OW', b'\x05\0\x09\0')
    # One slice may have another than the first.
    path = folder / '001.dcm'
    header = dcmread(path)
    header.ModalityLUTSequence = [table]
    if implicit:
        header.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian
    header.save_as(path, implicit_vr=implicit, little_endian=True)
    with pytest.raises(InputError, match='001.dcm: .*ModalityLUTSequence'):
        read(folder)


@pytest.mark.parametrize('kind, bits, scaling', [
    (np.uint16, 12, {}), (np.uint16, 16, {}), (np.int16, 12, {}),
    (np.int16, 16, {}), (np.uint8, 8, {}),
    (np.uint16, 12, dict(RescaleSlope=2, RescaleIntercept=-1024)),
    (np.int16, 12, dict(RescaleSlope=0.5, RescaleIntercept=-1024))])
def test_inversion_is_for_display_only(tmp_path, kind, bits, scaling):
    """MONOCHROME1 says that a viewer shows low values bright."""
    stored = RNG.integers(0, 250, (4, 5, 6)).astype(kind)
    if kind == np.int16:
        stored[:, 0] *= -1
    folder = write_slices(
        tmp_path / 'a', stored, HEIGHTS, BitsStored=bits,
        PhotometricInterpretation='MONOCHROME1', **scaling)
    wanted = (stored.astype(float) * scaling.get('RescaleSlope', 1)
              + scaling.get('RescaleIntercept', 0))
    np.testing.assert_array_equal(read(folder)[0], wanted)


@pytest.mark.parametrize('kind', [
    RTStructureSetStorage, RTPlanStorage, BasicTextSRStorage,
    GrayscaleSoftcopyPresentationStateStorage, SpatialRegistrationStorage,
    KeyObjectSelectionDocumentStorage])
def test_objects_beside_the_slices(tmp_path, kind):
    stored = RNG.integers(0, 900, (4, 8, 9)).astype(np.int16)
    series = write_slices(tmp_path / 'series', stored, HEIGHTS)
    header = dataset_of(SOPClassUID=kind, SOPInstanceUID=generate_uid(),
                        SeriesInstanceUID=generate_uid(), PatientID='p1')
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.save_as(series / 'beside.dcm', enforce_file_format=True)
    np.testing.assert_array_equal(read(series)[0], stored)
    # A slice that is cut is missed as before.
    whole = (series / '001.dcm').read_bytes()
    (series / '001.dcm').write_bytes(whole[:400])
    assert '001.dcm' in refused(series)


GROUPS = ('PlanePositionSequence', 'PlaneOrientationSequence',
          'PixelMeasuresSequence', 'PixelValueTransformationSequence')


@pytest.mark.parametrize('shared', [(), GROUPS[1:3], GROUPS[1:]])
@pytest.mark.parametrize('photometric', ['MONOCHROME1', 'MONOCHROME2'])
def test_frames_know_their_place(tmp_path, shared, photometric):
    """They come in any order, and each has its own scaling."""
    order = [2, 0, 3, 1]
    stored = RNG.integers(0, 4000, (4, 5, 6), np.uint16)
    slopes = [2] * 4 if GROUPS[3] in shared else [1, 2, 3, 4]
    intercepts = [-9] * 4 if GROUPS[3] in shared else [0, -1, -2, -1024]
    write_frames(tmp_path / 'a.dcm', stored,
                 [(10, 20, 2.5 * z) for z in order], slopes, intercepts,
                 shared, PhotometricInterpretation=photometric)
    values, geometry = read(tmp_path)
    for frame, z in enumerate(order):
        np.testing.assert_array_equal(
            values[z],
            stored[frame].astype(int) * slopes[frame] + intercepts[frame])
    assert geometry['origin'] == [10, 20, 0]
    assert geometry['spacing'] == [0.75, 0.5, 2.5]


def test_one_frame_alone(tmp_path):
    write_frames(tmp_path / 'a.dcm', np.ones((1, 5, 6), np.int16),
                 [(1, 2, 3)])
    values, geometry = read(tmp_path)
    assert values.shape == (1, 5, 6) and geometry['spacing'][2] == 4
    assert geometry['origin'] == [1, 2, 3]


def test_frames_of_several_volumes(tmp_path):
    """A channel chooses among frames at the same positions."""
    stored = np.arange(6, dtype=np.int16)[:, None, None] + np.zeros(
        (1, 4, 4), np.int16)
    write_frames(tmp_path / 'a.dcm', stored,
                 [(0, 0, z) for z in (0, 0, 2, 2, 4, 4)])
    assert 'found 4-D with 2 volumes; choose one' in refused(tmp_path)
    values, _ = read(tmp_path, channel=1)
    assert values[:, 0, 0].tolist() == [1, 3, 5]


def test_frames_of_several_files(tmp_path):
    for i in (0, 1):
        write_frames(tmp_path / f'{i}.dcm', np.full((2, 4, 4), i, np.int16),
                     [(0, 0, 4 * i), (0, 0, 4 * i + 2)])
    assert read(tmp_path)[0][:, 0, 0].tolist() == [0, 0, 1, 1]


def test_frames_that_are_refused(tmp_path):
    zeros = np.zeros((4, 4, 4), np.int16)
    places = [(0, 0, z) for z in (0, 1, 2, 4)]
    path = write_frames(tmp_path / 'a.dcm', zeros, places)
    message = refused(tmp_path)
    assert 'between frame 3 and frame 4; slices are missing' in message
    write_frames(path, zeros, places, PerFrameFunctionalGroupsSequence=None)
    assert f'{path}: expected the position of each frame' in refused(tmp_path)


def test_converted_frames(tmp_path):
    """The legacy converted image of a series is the same volume."""
    import highdicom
    from pydicom import dcmread
    stored = RNG.integers(0, 4000, (4, 5, 6), np.uint16)
    folder = write_slices(
        tmp_path / 'a', stored, HEIGHTS, RescaleSlope=[1, 1, 2, 3],
        RescaleIntercept=[0, -1024, 0, -3], SliceThickness=3,
        InstanceNumber=[1, 2, 3, 4], **{name: '' for name in (
            'PatientName', 'PatientBirthDate', 'PatientSex', 'StudyID',
            'AccessionNumber', 'StudyDate', 'StudyTime', 'Manufacturer')},
        ImageType=['ORIGINAL\\PRIMARY\\AXIAL'] * 4)
    files = [dcmread(file) for file in sorted(folder.iterdir())]
    (tmp_path / 'b').mkdir()
    highdicom.legacy.LegacyConvertedEnhancedCTImage(
        files, series_instance_uid='1.2.4', series_number=2,
        sop_instance_uid='1.2.4.1', instance_number=1,
    ).save_as(tmp_path / 'b/1')
    (found, grid), (wanted, first) = read(tmp_path / 'b'), read(folder)
    np.testing.assert_array_equal(found, wanted)
    assert differences(grid, first, 1e-6) == []


def test_series_in_folders_within(tmp_path):
    """As archives deliver them, beside objects that are no images."""
    stored = RNG.integers(0, 99, (4, 5, 6), np.uint16)
    case = tmp_path / 'p1'
    write_slices(case / 'study/1.2.3', stored, HEIGHTS)
    write_slices(case / 'study/1.2.9', stored[:1], [0], Modality='SEG',
                 SeriesInstanceUID='1.2.9')
    (case / 'LICENSE').write_text('text')
    write_slices(case / '__MACOSX/1.2.8', stored, HEIGHTS,
                 SeriesInstanceUID='1.2.8')
    assert Readers().case_name(case) == 'p1'
    np.testing.assert_array_equal(read(case)[0], stored)

    write_slices(case / 'later/1.2.4', stored[:2] + 1, HEIGHTS[:2],
                 SeriesInstanceUID='1.2.4', SeriesDescription='thin')
    message = refused(case)
    assert "1.2.4 (CT, 'thin', 2 files, in later/1.2.4)" in message
    assert '(CT, ' in message and '4 files, in study/1.2.3)' in message
    assert message.endswith('choose with --series UID')
    np.testing.assert_array_equal(read(case, series=['1.2.3'])[0], stored)


def test_an_image_above_a_series(tmp_path):
    """A scout is not taken for the scan; a copy of the scan is left out."""
    stored = RNG.integers(0, 900, (4, 8, 9)).astype(np.int16)
    write_slices(tmp_path / 'study/series', stored, HEIGHTS)
    write_slice(tmp_path / 'study/scout.dcm', stored[0],
                SeriesInstanceUID='1.2.9')
    assert 'expected one series, found 2' in refused(tmp_path / 'study')
    np.testing.assert_array_equal(
        read(tmp_path / 'study', series=['1.2.9'])[0], stored[:1])
    shutil.copytree(tmp_path / 'study/series', tmp_path / 'copied')
    shutil.copytree(tmp_path / 'study/series', tmp_path / 'copied/again')
    np.testing.assert_array_equal(read(tmp_path / 'copied')[0], stored)


def test_one_series_in_two_folders(tmp_path):
    stored = RNG.integers(0, 99, (4, 5, 6), np.uint16)
    write_slices(tmp_path / 'a/upper', stored[2:], HEIGHTS[2:])
    write_slices(tmp_path / 'a/lower', stored[:2], HEIGHTS[:2])
    np.testing.assert_array_equal(read(tmp_path / 'a')[0], stored)


def test_a_segmentation_of_frames(tmp_path):
    """It is written on the frames, and read where it was."""
    from mmdbsam.io.label_readers import LabelReaders
    from mmdbsam.io.writers import Writers
    from mmdbsam.structures.packed_mask import PackedMask
    from mmdbsam.structures.results import VolumeResult
    image, out = tmp_path / 'c', tmp_path / 'out.seg.dcm'
    image.mkdir()
    write_frames(image / 'a.dcm', np.zeros((4, 5, 6), np.int16),
                 [(10, 20, 2.5 * z) for z in (2, 0, 3, 1)], shared=GROUPS[1:3],
                 **{name: '' for name in (
                     'PatientName', 'PatientBirthDate', 'PatientSex',
                     'StudyID', 'AccessionNumber', 'StudyDate', 'StudyTime')})
    grid = Readers().find(image).geometry(image)
    mask = np.zeros((4, 5, 6), bool)
    mask[0, 1, 2] = mask[1:3, 2:, 1:5] = True
    result = VolumeResult([PackedMask.pack(mask)], [1], ['liver'],
                          np.ones(1), grid)
    writer = Writers().find(out)
    writer.check(image, grid)
    writer.write(result, image, out)
    part, = LabelReaders().find(out).read(out, grid)
    found = np.zeros_like(mask)
    for z, y, x in np.argwhere(sitk.GetArrayFromImage(part.values)):
        point = part.values.TransformIndexToPhysicalPoint(
            [int(x), int(y), int(z)])
        x, y, z = np.rint((np.array(point) - grid['origin'])
                          / grid['spacing']).astype(int)
        found[z, y, x] = True
    np.testing.assert_array_equal(found, mask)


@pytest.mark.parametrize('photometric', ['MONOCHROME1', 'MONOCHROME2'])
def test_a_radiograph(tmp_path, photometric):
    """It is a file of its own, without a place in the patient."""
    stored = RNG.integers(0, 4000, (5, 6), np.uint16)
    path = write_slice(
        tmp_path / 'a.dcm', stored, Modality='DX', PixelSpacing=[0.5, 0.25],
        ImagePositionPatient=None, ImageOrientationPatient=None,
        PhotometricInterpretation=photometric, BitsStored=12)
    assert Readers().case_name(path) == 'a'
    values, geometry = read(path)
    np.testing.assert_array_equal(values, stored[None])
    assert geometry['spacing'] == [0.25, 0.5, 1]
    assert geometry['origin'] == [0, 0, 0]


@pytest.mark.parametrize('name', ['IM000001', '1.2.840.10008.3', 'a.IMA',
                                  'a.dicom'])
def test_names_of_archives(tmp_path, name):
    """A file of frames need not end in .dcm, nor have a suffix at all."""
    stored = np.arange(120, dtype=np.int16).reshape(4, 5, 6)
    (tmp_path / 'images').mkdir()
    path = write_frames(tmp_path / 'images' / name, stored,
                        [(0, 0, z) for z in range(4)])
    np.testing.assert_array_equal(read(path)[0], stored)
    case = Readers().case_name(path)
    assert case == name.removesuffix('.IMA').removesuffix('.dicom')
    report = write_slice(tmp_path / 'images/SR1', stored[0], Modality='SR')
    assert Readers().case_name(report) is None
    os.mkfifo(tmp_path / 'images/pipe')
    assert Readers().case_name(tmp_path / 'images/pipe') is None
    path.rename(tmp_path / 'images/DICOMDIR')
    assert Readers().case_name(tmp_path / 'images/DICOMDIR') is None


def test_the_modality_is_the_headers(tmp_path):
    stored = 300 * np.arange(64, dtype=np.int16).reshape(4, 4, 4)
    for name, tags in (('ct', {}), ('mr', dict(Modality='MR'))):
        write_slices(tmp_path / 'in/images' / name, stored, range(4), **tags)
        (tmp_path / 'in/labels').mkdir(exist_ok=True)
        sitk.WriteImage(
            sitk.Cast(Readers().find(tmp_path / 'in/images' / name).read(
                tmp_path / 'in/images' / name) > 5000, sitk.sitkUInt8),
            str(tmp_path / f'in/labels/{name}.nrrd'))
    for given, wanted in ((None, ['CT', 'MR']), ('PET', ['PET', 'PET'])):
        data = prepare_dataset(
            tmp_path / 'in', tmp_path / f'out{given}',
            options=replace(KEEP_ALL, modality=given),
            plan=SplitPlan(fractions=(0, 0, 1))).data
        assert [case.modality for case in data.cases] == wanted
        # Only CT has a fixed window, above which most of these values are.
        assert (data.cases[1].image() == 255).mean() < 0.1
    with pytest.raises(InputError, match=r'found no DICOM image among its '
                       r'files \(2\)'):
        Readers().find(tmp_path / 'in/labels').read(tmp_path / 'in/labels')


def test_a_file_of_frames(tmp_path):
    path = write_frames(tmp_path / 'ct.dcm', np.ones((2, 5, 6), np.int16),
                        [(0, 0, 2), (0, 0, 0)])
    assert read(path)[0].shape == (2, 5, 6)
    other = write_slice(tmp_path / 'b.dcm', np.ones((4, 4), np.int16),
                        Modality='SR')
    assert refused(other) == (f'{other}: expected a DICOM image, found '
                              'another kind of file')
