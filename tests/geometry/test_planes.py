"""Slices of volumes that are stored along any axes."""

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import as_image, letter, stored_otherwise

from mmdbsam.geometry.grids import ORIENTATIONS, geometry_of
from mmdbsam.geometry.planes import SlicePlane, plane_of


@pytest.mark.parametrize('plane', ORIENTATIONS)
def test_slices_lie_as_prepared_ones(plane):
    """The preparation orients them the same way, however they are stored."""
    image = as_image(letter())
    wanted = sitk.GetArrayFromImage(
        sitk.DICOMOrient(image, ORIENTATIONS[plane]))
    count = 0
    for stored in stored_otherwise(image):
        view = SlicePlane(geometry_of(stored), plane)
        values = sitk.GetArrayFromImage(stored)
        assert np.array_equal(view.slices(values), wanted)
        # A voxel is found where its value is.
        points = np.array([[3, 1, 2], [0, 0, 0]])
        for (x, y, z), (column, row, index) in zip(
                points, view.to_slices(points).astype(int), strict=True):
            values[...] = 0
            values[z, y, x] = 1
            assert view.slices(values)[index, row, column] == 1
        count += 1
    assert count == 48
    assert view.size == list(wanted.shape[::-1])


def test_colours_follow_their_voxels():
    values = np.random.default_rng(0).integers(0, 9, (2, 3, 4, 3))
    view = SlicePlane(geometry_of(sitk.Image([4, 3, 2], sitk.sitkUInt8)),
                      'coronal')
    for channel in range(3):
        assert np.array_equal(view.slices(values)[..., channel],
                              view.slices(values[..., channel]))


@pytest.mark.parametrize('axis, plane', [(0, 'sagittal'), (1, 'coronal'),
                                         (2, 'axial')])
def test_the_plane_of_one_slice(axis, plane):
    size = [8, 8, 8]
    size[axis] = 1
    assert plane_of(geometry_of(sitk.Image(size, sitk.sitkUInt8))) == plane
