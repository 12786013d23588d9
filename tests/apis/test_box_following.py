"""Objects are found within their 3-D boxes, in all of their parts."""

import numpy as np
import SimpleITK as sitk
from letter_volumes import as_image, column
from scipy import ndimage

from mmdbsam.apis import PropagationRule, SeedBox, VolumeBox

RULE = PropagationRule(min_area=4)
COLUMN = column()


def test_an_object_that_splits_is_followed_in_all_its_parts(clickable):
    """Two legs under a trunk; each leg goes its own way."""
    volume = np.zeros((24, 48, 48), bool)
    volume[12:, 10:18, 10:38] = True
    for z in range(12):
        volume[z, 10:18, 10:18] = volume[z, 10:18, 30:38] = True
        volume[z] = ndimage.shift(volume[z].astype(int), (12 - z, 0), order=0)
    box = np.argwhere(volume)[:, ::-1]
    result = clickable.segment_volume(
        as_image(volume), [VolumeBox([*box.min(0), *box.max(0)]),
                           SeedBox(18, [10, 10, 37, 17])], propagation=RULE)
    for i in range(2):
        np.testing.assert_array_equal(result.mask(i), volume)


def test_an_object_stays_within_its_3d_box(clickable):
    """What is bright beyond the box is left out, also in the plane."""
    result = clickable.segment_volume(
        as_image(COLUMN), VolumeBox([8, 12, 6, 15, 17, 21]),
        propagation=RULE)
    wanted = COLUMN.copy()
    wanted[:6] = wanted[22:] = False
    wanted[:, :12] = wanted[:, 18:] = wanted[:, :, 16:] = False
    np.testing.assert_array_equal(result.mask(0), wanted)


def test_parts_that_nothing_connects_are_found_too(clickable):
    """The lower part is shown by none of the slices in between."""
    volume = np.zeros((30, 32, 32), bool)
    volume[2:10, 4:14, 4:14] = volume[14:28, 18:28, 18:28] = True
    box = VolumeBox([4, 4, 2, 27, 27, 27])
    result = clickable.segment_volume(as_image(volume), box, propagation=RULE)
    np.testing.assert_array_equal(result.mask(0), volume)
    image = sitk.GetArrayFromImage(as_image(volume))
    image[2:10] = image[2:10] // 4 * 3  # as grey as another organ
    other = volume.copy()
    other[:10] = False
    result = clickable.segment_volume(image, box, propagation=PropagationRule(
        min_area=4, max_grey_change=30))
    assert not result.mask(0)[:10].any()
