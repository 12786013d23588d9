"""Reading and canonical orientation of volumes."""

import itertools

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import KEEP_ALL

from mmdbsam.geometry import grids
from mmdbsam.preparation import prepare_dataset, read_case

SHAPE, SPACING, ORIGIN = (5, 7, 9), (0.5, 1.5, 3.0), (11.0, -7.0, 40.0)

# Every third of the 48 ways to store a volume: the patient's x, y, z axis
# that each array axis runs along, and its sign.
STORAGE = list(
    itertools.product(
        itertools.permutations(range(3)),
        itertools.product((1, -1), repeat=3)))[::3]


@pytest.fixture
def canonical():
    """An asymmetric object on an LPS grid."""
    array = np.zeros(SHAPE, np.int16)
    array[1, 2, 3:7] = 100, 200, 300, 400
    array[1:4, 2, 3] += 50
    array[1, 2:6, 3] += 7
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    return image


def stored(image, axes, signs):
    """The same patient, stored along other axes.

    It is built from the direction matrix alone, without ITK's filter.
    """
    direction = np.zeros((3, 3))
    for axis, (patient_axis, sign) in enumerate(
            zip(axes, signs, strict=True)):
        direction[patient_axis, axis] = sign
    size = np.array(image.GetSize())
    first = [0 if signs[axes.index(a)] > 0 else int(size[a]) - 1
             for a in range(3)]
    array = sitk.GetArrayFromImage(image).T.transpose(axes)
    array = array[tuple(slice(None, None, sign) for sign in signs)]
    result = sitk.GetImageFromArray(np.ascontiguousarray(array.T))
    result.SetSpacing([SPACING[a] for a in axes])
    result.SetOrigin(image.TransformIndexToPhysicalPoint(first))
    result.SetDirection(direction.ravel())
    return result


@pytest.mark.parametrize('axes, signs', STORAGE)
def test_every_storage_gives_the_same_canonical_volume(
        canonical, write_case, tmp_path, axes, signs):
    image = stored(canonical, axes, signs)
    pair = read_case(write_case(
        tmp_path, 'a.nii.gz', image, sitk.Cast(image > 0, sitk.sitkUInt8)))
    expected = sitk.GetArrayFromImage(canonical)
    np.testing.assert_array_equal(pair.image, expected)
    np.testing.assert_array_equal(pair.layers[0], expected > 0)
    assert pair.geometry['size'] == [9, 7, 5]
    np.testing.assert_allclose(pair.geometry['spacing'], SPACING)
    np.testing.assert_allclose(pair.geometry['origin'], ORIGIN, atol=1e-5)
    np.testing.assert_allclose(
        pair.geometry['direction'], np.eye(3).ravel(), atol=1e-6)


@pytest.mark.parametrize('axes, signs', STORAGE)
@pytest.mark.parametrize('angle', [0, 0.3])
def test_canonical_grids_are_those_of_itk(canonical, axes, signs, angle):
    """This also holds for oblique volumes."""
    image = stored(canonical, axes, signs)
    turn = np.array([[np.cos(angle), -np.sin(angle), 0],
                     [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    image.SetDirection(
        (turn @ np.reshape(image.GetDirection(), (3, 3))).ravel())
    wanted = grids.geometry_of(sitk.DICOMOrient(image, 'LPS'))
    found = grids.oriented(grids.geometry_of(image))
    assert not grids.differences(found, wanted, 1e-9)


def test_a_label_may_be_stored_along_other_axes(canonical, write_case,
                                                tmp_path):
    label = sitk.Cast(canonical > 0, sitk.sitkUInt8)
    pair = read_case(write_case(tmp_path, 'a.nii.gz', canonical,
                                 sitk.DICOMOrient(label, 'PIR')))
    np.testing.assert_array_equal(pair.layers[0], pair.image > 0)


@pytest.mark.parametrize('axes, signs', STORAGE)
def test_recorded_source_undoes_the_orientation(
        canonical, write_case, tmp_path, axes, signs):
    image = stored(canonical, axes, signs)
    pair = read_case(write_case(
        tmp_path, 'a.nii.gz', image, sitk.Cast(image > 0, sitk.sitkUInt8)))
    back = sitk.GetImageFromArray(pair.image)
    back.SetSpacing(pair.geometry['spacing'])
    back.SetOrigin(pair.geometry['origin'])
    back.SetDirection(pair.geometry['direction'])
    back = sitk.DICOMOrient(back, pair.source['orientation'])
    np.testing.assert_array_equal(
        sitk.GetArrayFromImage(back), sitk.GetArrayFromImage(image))
    source = pair.source['geometry']
    for spacing, origin, direction in (
            (image.GetSpacing(), image.GetOrigin(), image.GetDirection()),
            (source['spacing'], source['origin'], source['direction'])):
        np.testing.assert_allclose(back.GetSpacing(), spacing)
        np.testing.assert_allclose(back.GetOrigin(), origin, atol=1e-5)
        np.testing.assert_allclose(back.GetDirection(), direction, atol=1e-6)


def test_oblique_scan_keeps_its_points_in_space(write_case, tmp_path):
    angle = np.deg2rad(20)
    rotation = np.array([[np.cos(angle), -np.sin(angle), 0],
                         [np.sin(angle), np.cos(angle), 0], [0, 0, 1]])
    image = sitk.GetImageFromArray(np.zeros(SHAPE, np.int16))
    image.SetSpacing(SPACING)
    image.SetOrigin(ORIGIN)
    image.SetDirection((rotation @ np.diag([-1, -1, 1])).ravel())
    image[2, 5, 3] = 77
    point = image.TransformIndexToPhysicalPoint((2, 5, 3))
    grid = read_case(write_case(tmp_path, 'a.nii', image,
                                 sitk.Cast(image > 0, sitk.sitkUInt8)))
    index = np.argwhere(grid.image == 77)[0][::-1]
    direction = np.reshape(grid.geometry['direction'], (3, 3))
    found = grid.geometry['origin'] + direction @ (
        grid.geometry['spacing'] * index)
    np.testing.assert_allclose(found, point, atol=1e-4)


def test_slices_show_anterior_on_top_and_the_patients_right_at_left(
        write_case, tmp_path):
    image = sitk.GetImageFromArray(np.zeros((4, 4, 4), np.int16))
    image.SetDirection((-1, 0, 0, 0, -1, 0, 0, 0, 1))  # RAS: x to the right
    image[3, 3, 0] = 9  # rightmost, most anterior, lowest
    pair = read_case(write_case(
        tmp_path, 'a.nii', image, sitk.Cast(image > 0, sitk.sitkUInt8)))
    assert pair.source['orientation'] == 'RAS'
    assert np.argwhere(pair.image == 9).tolist() == [[0, 0, 0]]


@pytest.mark.parametrize('highest, dtype', [(255, 'uint8'), (256, 'uint16')])
def test_label_type_follows_the_ids(write_case, tmp_path, highest, dtype):
    label = np.zeros((20, 10, 10), np.float32)
    # 255 alone would be a mask, white on black.
    label[2, 3, 4], label[5] = highest, 1
    write_case(tmp_path / 'in', 'a.nii.gz', label=sitk.GetImageFromArray(
        label))
    case = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                           options=KEEP_ALL).data.cases[0]
    assert case.label().dtype == dtype
    assert case.label()[0, 2, 3, 4] == highest
