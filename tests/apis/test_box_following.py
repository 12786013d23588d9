"""Objects are found within their 3-D boxes, in all of their parts."""

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import as_image, column
from scipy import ndimage

from mmdbsam.apis import PropagationRule, SeedBox, VolumeBox
from mmdbsam.apis.volume.box_following import find_starts
from mmdbsam.apis.volume.propagation import Limit

RULE = PropagationRule(min_area=4)
COLUMN = column()


class Surely:
    """Slices on which a model fills each box, as surely as it is told."""

    def __init__(self, iou):
        self.iou, self.asked = iou, []

    def image(self, index):
        return np.zeros((40, 40), np.uint8)

    def segment(self, index, prompts, following=()):
        self.asked.append(index)
        rows, columns = np.indices((40, 40))
        x0, y0, x1, y1 = prompts.boxes.T[:, :, None, None]
        inside = ((columns >= x0) & (columns <= x1)
                  & (rows >= y0) & (rows <= y1))
        return np.where(inside, 9., -9.), np.array([
            self.iou(index, *(box[2:] - box[:2])) for box in prompts.boxes])


def small_is_sure(z, width, height):
    return 0.95 if max(width, height) < 20 and z == 10 else 0.85


@pytest.mark.parametrize('iou, begun, asked', [
    # The outline is good enough, at once or on a slice off the middle.
    (lambda z, width, height: 0.92, 12, {12}),
    (lambda z, width, height: 0.92 if z < 9 else 0.5, 8, {8, 10, 12, 14}),
    # Only a part of it is, on a single slice.
    (small_is_sure, 10, set(range(4, 21, 2))),
    # Nothing is; an end of the box needs a higher IoU.
    (lambda z, width, height: 0.7 + 0.002 * z, 12, set(range(4, 21, 2))),
    (lambda z, width, height: 0.34 + 0.026 * z, 20, set(range(4, 21, 2)))])
def test_where_an_object_begins(iou, begun, asked):
    slices = Surely(iou)
    limit = Limit(3, 20, np.array([2., 4, 32, 34]))
    first, *others = find_starts(slices, limit, 7, RULE)
    assert first.found.index == begun and first.found.number == 7
    assert set(slices.asked) == asked
    assert first.found.iou >= 0.7
    if iou is small_is_sure:
        assert np.ptp(np.argwhere(first.mask), axis=0).max() < 22
    assert not first.mask[:, :2].any() and not first.mask[35:].any()


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


def test_an_object_that_is_found_nowhere(clickable):
    """It has no voxel, and the object beside it has all of its own."""
    result = clickable.segment_volume(
        as_image(COLUMN), [VolumeBox([0, 24, 5, 6, 30, 20]),
                           VolumeBox([0, 8, 0, 24, 22, 29])],
        propagation=RULE)
    assert not result.mask(0).any()
    np.testing.assert_array_equal(result.mask(1), COLUMN)
