"""OpenKBP's tables of voxels."""

import numpy as np
import pytest
import SimpleITK as sitk
from prepare_sources import DATA, SHARED, openkbp

from mmdbsam.errors import InputError
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.readers import Readers
from mmdbsam.io.voxel_tables import read_voxels
from mmdbsam.preparation.case_writer import checksum_of
from mmdbsam.preparation.cases import CaseOptions
from mmdbsam.preparation.layouts import LayoutOptions, find_layout

# The first and the last voxels of train-pats/pt_2/LeftParotid.csv of
# github.com/ababier/open-kbp.
FIRST = (861737, 861738, 861865, 861866, 877867, 877868)
LAST = (1009447, 1009448, 1009449, 1009575, 1009576, 1009577)
PATIENT = SHARED / 'patients/openkbp_ct/labels/pt_2.nii.gz'


@pytest.fixture
def patient(tmp_path):
    """The folder of a patient, with the lumbar spine."""
    openkbp(tmp_path)
    return tmp_path / 'provided-data/test-pats/pt_301'


def test_tables_are_the_scan(patient):
    path = patient / 'ct.csv'
    reader = Readers().find(path)
    image, source = reader.read(path), sitk.ReadImage(
        str(DATA / 'ct_spine/images/lumbar.nii.gz'))
    assert tuple(reader.geometry(path)['size']) == image.GetSize()
    assert image.GetSize() == (128, 128, 128)
    assert image.GetSpacing() == pytest.approx(source.GetSpacing())
    found, values = map(sitk.GetArrayFromImage, (image, source))
    inside = tuple(map(slice, values.shape))
    assert found.dtype == np.int16
    np.testing.assert_array_equal(found[inside], values.clip(-1024))
    found[inside] = -1024
    assert (found == -1024).all()
    label = sitk.GetArrayFromImage(sitk.ReadImage(
        str(DATA / 'ct_spine/labels/lumbar.nii.gz')))
    labels = LabelReaders()
    drawn, = labels.find(patient / 'L3.csv').read(
        patient / 'L3.csv', reader.geometry(path))
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(drawn.values)[inside], label == 22)


@pytest.mark.skipif(not PATIENT.exists(), reason='no ../shared/data')
def test_axes_are_those_of_a_converted_patient(tmp_path):
    """The converted volume was cropped by whole voxels."""
    table = tmp_path / 'LeftParotid.csv'
    table.write_text(',data\n' + ''.join(f'{i},\n' for i in FIRST + LAST))
    found = np.argwhere(read_voxels(table, has_values=False))
    label = sitk.ReadImage(str(PATIENT))
    cut = np.rint(np.divide(label.GetOrigin(), label.GetSpacing()))
    z, y, x = (found - cut[::-1].astype(int)).T
    assert (sitk.GetArrayFromImage(label)[z, y, x] == 4).all()


@pytest.mark.parametrize('depth', [0, 1, 2])
def test_patients_are_found_at_each_depth(patient, depth):
    source = (patient.parents[2], patient.parents[1], patient.parent)[depth]
    case, = find_layout(source).cases(
        source, LayoutOptions(Readers(), LabelReaders()))
    assert case.name == 'pt_301' and case.problem is None
    assert case.split == ('test' if depth < 2 else None)
    assert {label.name for label in case.labels} == {'L2', 'L3', 'L4',
                                                     'Larynx'}


@pytest.mark.parametrize('name, content, message', [
    ('ct.csv', ',data\n5,1.0\n5,2.0\n', 'expected different voxels'),
    ('ct.csv', ',data\n-1,1.0\n', 'expected different voxels from 0 to 2097'),
    ('ct.csv', f',data\n{128**3},1.0\n', 'expected different voxels'),
    ('ct.csv', ',data\n1.5,1.0\n', 'expected different voxels'),
    ('ct.csv', ',data\n1e300,1.0\n', 'expected different voxels'),
    ('ct.csv', ',data\n5,nan\n', 'expected finite numbers'),
    ('ct.csv', ',data\n5\n', 'expected a table of voxels, found'),
    ('ct.csv', ',data\n5,\n', 'expected a table of voxels, found'),
    ('ct.csv', ',data\nab,cd\n', 'expected a table of voxels, found'),
    ('voxel_dimensions.csv', '4\n4\n', 'expected three lengths in mm, found'),
    ('voxel_dimensions.csv', '4\n0\n2\n', 'expected three lengths in mm'),
    ('voxel_dimensions.csv', '', 'expected three lengths in mm, found'),
])
def test_damaged_tables_are_named(patient, name, content, message):
    (patient / name).write_text(content)
    path = patient / 'ct.csv'
    with pytest.raises(InputError, match=f'{name}: {message}'):
        Readers().find(path).read(path)


def test_all_files_of_a_patient_count(patient):
    """A case is prepared again if the size of its voxels has changed."""
    source = patient.parent

    def checksum():
        case, = find_layout(source).cases(
            source, LayoutOptions(Readers(), LabelReaders()))
        return checksum_of(case, CaseOptions())

    before = checksum()
    (patient / 'voxel_dimensions.csv').write_text('4\n4\n2.5\n')
    assert checksum() != before


def test_patient_without_structures_is_a_problem(patient):
    for path in patient.glob('L*.csv'):
        path.unlink()
    source = patient.parent
    case, = find_layout(source).cases(
        source, LayoutOptions(Readers(), LabelReaders()))
    assert 'expected tables of structures' in case.problem
