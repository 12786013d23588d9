"""Scribbles and lassos become points, masks and boxes."""

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import as_image, letter
from scipy import ndimage

from mmdbsam.apis import Lasso, Scribble
from mmdbsam.apis.scans import load_scan
from mmdbsam.apis.volume.locator import PromptLocator
from mmdbsam.apis.volume.strokes import (
    filled_mask,
    points_along,
    points_of,
    skeleton,
    stroke_mask,
)
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.geometry.planes import SlicePlane

IMAGE = as_image(letter())


def blob(seed):
    noise = np.random.default_rng(seed).normal(size=(40, 60))
    smooth = ndimage.gaussian_filter(noise, 3)
    return smooth > np.quantile(smooth, 0.8)


@pytest.mark.parametrize('mask', [blob(seed) for seed in range(8)]
                         + [np.ones((2, 2), bool), np.eye(9, dtype=bool)])
def test_a_skeleton_is_thin_and_in_each_part_of_the_mask(mask):
    lines = skeleton(mask)
    assert lines.any() and not (lines & ~mask).any()
    # No square of 2 x 2 pixels is left, except where there was no more.
    squares = (lines[1:, 1:] & lines[:-1, 1:] & lines[1:, :-1]
               & lines[:-1, :-1])
    assert squares.sum() <= (mask.sum() == 4)
    _, parts = ndimage.label(lines, np.ones((3, 3)))
    _, wanted = ndimage.label(mask, np.ones((3, 3)))
    assert parts == wanted


@pytest.mark.parametrize('seed', range(5))
def test_points_of_a_stroke_are_spread_over_it(seed):
    x = np.linspace(5, 54, 40)
    path = np.stack([x, 20 + 8 * np.sin(x / 6 + seed)], axis=1)
    mask = stroke_mask(path, (40, 60))
    for points in (points_along(path), points_of(mask)):
        assert len(points) == 6
        places = points.round().astype(int)
        assert mask[places[:, 1], places[:, 0]].all()
        gaps = np.linalg.norm(points[:, None] - points, axis=2)
        assert (gaps + 99 * np.eye(6)).min() > 5
        # Every pixel of the stroke is near to a point.
        rows, columns = np.nonzero(mask)
        pixels = np.stack([columns, rows], axis=1)
        assert np.linalg.norm(pixels[:, None] - points,
                              axis=2).min(axis=1).max() < 12


def test_a_polygon_is_filled_with_its_border():
    mask = filled_mask(np.array([[3, 2], [12, 2], [12, 9], [3, 9]]), (20, 30))
    assert tight_boxes(mask[None])[0].tolist() == [3, 2, 12, 9]
    assert mask.sum() == 80


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
@pytest.mark.parametrize('is_painted', [False, True])
def test_drawings_lie_where_they_were_drawn(order, is_painted):
    """The volume is stored along any axes; x comes before y before z."""
    scan = load_scan(sitk.PermuteAxes(IMAGE, order))
    through = order.index(2)
    flat = [axis for axis in range(3) if axis != through]
    shape = tuple(scan.geometry['size'][axis] for axis in reversed(flat))
    path = np.array([[4., 5], [12, 5], [12, 15]])
    if flat[0] != order.index(0):  # x and y have changed places
        path = path[:, ::-1]
    drawn = filled_mask(path, shape) if is_painted else path
    locator = PromptLocator(scan, scan, 'axial', 'px')
    lasso, = locator.objects(Lasso(7, drawn))
    plane = SlicePlane(scan.geometry, 'axial')
    assert lasso.place.slice_index(plane) == 7
    found = lasso.place.prompts(plane)
    wanted = filled_mask(np.array([[4., 5], [12, 5], [12, 15]]), (24, 32))
    np.testing.assert_array_equal(found.masks, wanted[None])
    np.testing.assert_array_equal(found.boxes, tight_boxes(wanted[None]))
    scribble, = locator.objects(Scribble(7, drawn))
    found = scribble.place.prompts(plane)
    assert found.masks.shape == (1, 24, 32) and found.boxes is None
    assert found.point_labels.tolist() == [[1] * 6]
    x, y = found.points[0].round().astype(int).T
    assert found.masks[0][y, x].all() and wanted[y, x].sum() >= 3


def test_a_path_in_mm_is_that_in_voxels():
    image = as_image(letter(), oblique=False)
    scan = load_scan(image)
    path = np.array([[4., 5], [12, 5], [12, 15]])
    space = np.array([image.TransformContinuousIndexToPhysicalPoint(
        [*point, 7.]) for point in path])
    plane = SlicePlane(scan.geometry, 'axial')
    masks = [PromptLocator(scan, scan, 'axial', units).objects(prompt)[0]
             .place.prompts(plane).masks for units, prompt in (
                 ('px', Lasso(7, path)),
                 ('mm', Lasso(space[0, 2], space[:, :2])))]
    np.testing.assert_array_equal(*masks)


def test_a_drawing_follows_the_voxels_when_they_are_resampled():
    image = as_image(letter(), oblique=False)
    image.SetSpacing((1, 1, 2))
    scan = load_scan(image)
    working = scan.resampled(0.5)
    plane = SlicePlane(working.geometry, 'axial')
    pixels = filled_mask(np.array([[4., 5], [12, 5], [12, 15]]), (24, 32))
    place = PromptLocator(scan, working, 'axial', 'px').objects(
        Lasso(7, pixels))[0].place
    found = place.prompts(plane).masks[0]
    np.testing.assert_array_equal(found, pixels.repeat(2, 0).repeat(2, 1))
    assert place.slice_index(plane) in range(28, 32)


@pytest.mark.parametrize('prompt, message', [
    (Scribble(40, [[1, 1], [2, 2]]), 'drawn: expected z within the image, '
     'voxels 0 to 19, found 40'),
    (Scribble(4, [[1, 1], [40, 2]]), 'drawn: expected x within the image'),
    (Scribble(4, np.zeros((24, 32), bool)), 'at least one pixel, found none'),
    (Scribble(40, np.ones((24, 32), bool)), 'expected z within the image'),
    (Scribble(4, np.ones((20, 32), bool)), r'of the slice, \(24, 32\), found '
     r'\(20, 32\)'),
    (Scribble(4, [[1, 1]], is_object=False), 'a stroke on the object, found '
     'one on the background'),
    (Lasso(4, [[1, 1], [5, 5]]), 'at least three corners, found 2'),
    (Lasso(4, [[1, 1], [5, np.inf], [5, 9]]), 'drawn: expected finite'),
    (Lasso(4.5, [[1, 1], [5, 5], [5, 9]]), 'slice: expected a whole number'),
])
def test_impossible_drawings_are_one_line(prompt, message):
    scan = load_scan(IMAGE)
    with pytest.raises(InputError, match=message) as error:
        PromptLocator(scan, scan, 'axial', 'px').objects(dict(liver=prompt))
    assert '\n' not in str(error.value) and "'liver'" in str(error.value)


def test_pixels_have_no_place_in_mm():
    scan = load_scan(IMAGE)
    with pytest.raises(InputError, match="found pixels; give them with units="
                       "'px'"):
        PromptLocator(scan, scan, 'axial', 'mm').objects(
            Scribble(4, np.ones((24, 32), bool)))
