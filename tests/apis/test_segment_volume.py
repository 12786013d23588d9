"""Whole volumes: masks come back where the objects are."""

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import as_image, box_of, letter, stored_otherwise

from mmdbsam.apis import (
    CoarseLabels,
    SeedBox,
    SeedPoint,
    SliceBoxes,
    VolumeBox,
)
from mmdbsam.datasets.preparation.grids import geometry_of


def corners_mm(image, box):
    """A box in voxels as two physical points."""
    return [number for corner in (box[:3], box[3:]) for number
            in image.TransformContinuousIndexToPhysicalPoint(
                [float(x) for x in corner])]


@pytest.mark.parametrize('axes', ['axial', 'coronal', 'sagittal', 'all'])
def test_an_object_comes_back_where_it_was(bright, axes):
    """Oblique, anisotropic, in each of the 48 ways to store it."""
    for stored in stored_otherwise(as_image(letter())):
        values = sitk.GetArrayFromImage(stored)
        prompt = VolumeBox(box_of(values))
        result = bright.segment_volume(stored, prompt, axes=axes)
        assert np.array_equal(result.labels, values > 0)
        written = result.image()
        for key, value in geometry_of(stored).items():
            np.testing.assert_allclose(geometry_of(written)[key], value,
                                       rtol=0, atol=1e-6)
        in_mm = VolumeBox(corners_mm(stored, prompt.box))
        again = bright.segment_volume(stored, in_mm, axes=axes, units='mm')
        assert np.array_equal(again.labels, result.labels)
