"""Slices of a volume with its objects: where things are drawn."""

import numpy as np
import pytest
from matplotlib.path import Path as Polygon

from mmdbsam.reports import volume_overlay
from mmdbsam.reports.volume_overlay import _outline
from mmdbsam.visualization import VolumeView


def mask_of(shape, rows, columns, slices=slice(None)):
    mask = np.zeros(shape, bool)
    mask[slices, slice(*rows), slice(*columns)] = True
    return mask


def view(masks, spacing=(1., 1.), shape=(6, 50, 60), **shown):
    image = np.random.default_rng(0).integers(0, 255, shape, np.uint8)
    return VolumeView(image, {i: str(i) for i in masks}, masks, spacing,
                      range(100, 100 + shape[0]), **shown)


def inside(path, shape):
    """The pixels whose centres an SVG path encloses (even-odd)."""
    y, x = np.indices(shape)
    found = np.zeros(shape, bool)
    for part in path.split('Z')[:-1]:
        points = [[float(n) for n in pair.split(',')]
                  for pair in part[1:].split()]
        found ^= Polygon(points).contains_points(
            np.column_stack([x.ravel(), y.ravel()])).reshape(shape)
    return found


def test_outlines_enclose_the_mask():
    """The mask has holes, islands, and parts at the edge."""
    mask = np.random.default_rng(0).random((20, 30)) > 0.6
    mask[:6, :9] = mask[-3:] = True
    mask[2, 3] = False
    np.testing.assert_array_equal(inside(_outline(mask), mask.shape), mask)
    assert _outline(np.zeros((4, 4), bool)) == ''


def test_slices_with_something_on_them():
    shape = (6, 50, 60)
    masks = {3: mask_of(shape, (10, 20), (30, 40), slice(2, 4)),
             7: np.zeros(shape, bool)}
    assert list(view(masks).indices) == [2, 3]
    assert list(view(masks, boxes={7: {5: (1, 2, 3, 4)}}).indices) == [
        2, 3, 4, 5]
    assert list(view(masks, points={7: {0: [(1, 2, 1)]}}).indices) == [
        0, 1, 2, 3]
    assert list(view({7: masks[7]}).indices) == list(range(6))
    assert view(masks).shown(2).ids == [3]
    assert view(masks).shown(4).ids == []


@pytest.mark.parametrize('spacing', [(1., 1.), (1., 3.), (2., 0.5)])
def test_pixels_become_square_and_everything_stays_in_its_place(spacing):
    shape = (6, 50, 60)
    masks = {1: mask_of(shape, (10, 22), (30, 45))}
    box = (30, 10, 44, 21)
    shown = view(masks, spacing, boxes={1: {0: box}},
                 points={1: {0: [(30, 10, 1)]}}).shown(0)
    mask, = shown.masks
    assert mask.shape == shown.image.shape[:2]
    finest = min(spacing)
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    assert len(columns) == round(15 * spacing[0] / finest)
    assert len(rows) == round(12 * spacing[1] / finest)
    # The first pixel of the mask lies where the first of the box does.
    x0, y0, x1, y1 = shown.boxes[0]
    half = np.array(spacing) / finest / 2
    np.testing.assert_allclose(
        [x0 - half[0], y0 - half[1], x1 + half[0], y1 + half[1]],
        [columns[0] - 0.5, rows[0] - 0.5, columns[-1] + 0.5, rows[-1] + 0.5])
    np.testing.assert_allclose(shown.points[0], [[x0, y0, 1]])


def test_the_view_holds_what_is_shown_and_some_of_the_image():
    shape = (6, 500, 600)
    corner = {1: mask_of(shape, (0, 20), (590, 600))}
    shown = view(corner, shape=shape).shown(0)
    assert shown.image.shape[:2] == (240, 240)
    assert shown.masks[0].sum() == 20 * 10
    whole = view({1: mask_of(shape, (0, 500), (0, 600))}, shape=shape)
    assert whole.shown(0).image.shape[:2] == (500, 600)


def test_a_sheet_has_the_slices_with_prompts(tmp_path, monkeypatch):
    shape = (60, 50, 50)
    titles = []
    monkeypatch.setattr(
        volume_overlay, 'draw_contact_sheet', lambda tiles, *_: titles.extend(
            tile.title for tile in tiles) or tiles[0].picture)
    masks = {1: mask_of(shape, (10, 20), (10, 20))}
    shown = view(masks, shape=shape, boxes={1: {11: (1, 2, 3, 4)}})
    volume_overlay.write_sheet(shown, '', '', tmp_path / 'a.png')
    assert titles == [f'slice {100 + i}' for i in (
        0, 11, 17, 25, 34, 42, 51, 59)]


def test_a_drawn_slice_shows_box_and_point():
    shape = (1, 50, 50)
    masks = {1: mask_of(shape, (10, 20), (10, 20))}
    plain = view(masks, shape=shape).shown(0).draw(200)
    assert plain.shape == (200, 200, 3)
    for prompts in (dict(boxes={1: {0: (8, 8, 22, 22)}}),
                    dict(points={1: {0: [(15, 15, 1)]}}),
                    dict(points={1: {0: [(15, 15, 0)]}})):
        drawn = view(masks, shape=shape, **prompts).shown(0).draw(200)
        assert (drawn != plain).any()
