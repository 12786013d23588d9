import numpy as np
import pytest
from matplotlib.colors import to_rgb

from mmdbsam.visualization import draw_overlay
from mmdbsam.visualization.overlay import (
    BOX_COLOUR,
    PREDICTION_COLOUR,
    REFERENCE_COLOUR,
)

BOX = np.array([20, 30, 59, 49])
# 100 px wide; the view is 1.6 times the box's 40 px, at 12 screen pixels
# each, under a title of 72.
EXPECTED = np.array([144, 72 + 264, 624, 72 + 504])


def extent(picture, colour):
    """(x0, y0, x1, y1) of a colour above the legend, or None."""
    rgb = 255 * np.array(to_rgb(colour))
    close = np.abs(picture[:-48].astype(float) - rgb).max(axis=-1) < 60
    rows, columns = np.nonzero(close)
    if not len(rows):
        return None
    return np.array([columns.min(), rows.min(), columns.max(), rows.max()])


@pytest.fixture
def image():
    return np.full((100, 100), 90, np.uint8)


@pytest.fixture
def boxed():
    mask = np.zeros((100, 100), bool)
    mask[30:50, 20:60] = True
    return mask


def test_everything_is_drawn_where_it_lies(image, boxed):
    nothing = np.zeros_like(boxed)
    picture = draw_overlay(image, nothing, nothing, BOX, 'box')
    assert picture.dtype == np.uint8 and picture.shape == (888, 768, 3)
    assert np.abs(extent(picture, BOX_COLOUR) - EXPECTED).max() <= 2
    assert extent(picture, REFERENCE_COLOUR) is None
    picture = draw_overlay(image, boxed, nothing, None, 'reference')
    assert np.abs(extent(picture, REFERENCE_COLOUR) - EXPECTED).max() <= 3
    assert extent(picture, PREDICTION_COLOUR) is None
    assert extent(picture, BOX_COLOUR) is None
    picture = draw_overlay(image, nothing, boxed, None, 'prediction')
    assert np.abs(extent(picture, PREDICTION_COLOUR) - EXPECTED).max() <= 3
    assert extent(picture, REFERENCE_COLOUR) is None


def test_the_reference_shows_beneath_an_equal_prediction(image, boxed):
    picture = draw_overlay(image, boxed, boxed, BOX, 'equal')
    for colour in (REFERENCE_COLOUR, PREDICTION_COLOUR):
        assert np.abs(extent(picture, colour) - EXPECTED).max() <= 4


@pytest.mark.parametrize('shape', [(60, 100), (100, 60), (512, 512)])
def test_contours_close_at_the_slices_edge(shape):
    full = np.ones(shape, bool)
    picture = draw_overlay(np.zeros(shape, np.uint8), full, ~full, None, 'all')
    x0, y0, x1, y1 = extent(picture, REFERENCE_COLOUR)
    assert (y1 - y0) / (x1 - x0) == pytest.approx(shape[0] / shape[1], abs=.02)


def test_a_slice_with_nothing_to_draw_is_shown_whole(image, boxed):
    nothing = np.zeros_like(boxed)
    image[0, :] = image[-1, :] = 255
    picture = draw_overlay(image, nothing, nothing, None, 'nothing')
    assert picture[74, 384].min() > 200 and picture[72 + 765, 384].min() > 200
