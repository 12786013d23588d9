import numpy as np
import pytest

from mmdbsam.evaluation import filled_box, inscribed_ellipse


def test_an_integer_box_fills_its_inclusive_pixels():
    boxes = np.array([[3, 5, 7, 6], [0, 0, 0, 0]], np.float32)
    first, second = filled_box(boxes, (10, 12))
    expected = np.zeros((10, 12), bool)
    expected[5:7, 3:8] = True
    assert (first == expected).all()
    assert second.sum() == 1 and second[0, 0]


def test_fractional_boxes_hold_the_pixel_centres_inside():
    mask, = filled_box(np.array([[2.4, 1.6, 4.2, 3.0]]), (8, 8))
    # The box covers 1.9 to 4.7 and 1.1 to 3.5.
    assert np.argwhere(mask).min(0).tolist() == [2, 2]
    assert np.argwhere(mask).max(0).tolist() == [3, 4]


def test_boxes_are_cut_at_the_image():
    box = np.array([[-5, 2, 3, 99]])
    assert filled_box(box, (10, 10)).sum() == 4 * 8


@pytest.mark.parametrize('box', [[10, 20, 409, 219], [3, 3, 402.5, 800.5]])
def test_the_ellipse_has_pi_quarters_of_the_box(box):
    boxes = np.array([box])
    ellipse, = inscribed_ellipse(boxes, (900, 500))
    filled, = filled_box(boxes, (900, 500))
    assert ellipse.sum() / filled.sum() == pytest.approx(np.pi / 4, rel=0.01)
    assert not (ellipse & ~filled).any()


def test_the_ellipse_touches_the_four_sides_and_is_centred():
    ellipse, = inscribed_ellipse(np.array([[4, 6, 24, 16]]), (30, 40))
    rows, columns = np.nonzero(ellipse)
    assert [columns.min(), rows.min(), columns.max(), rows.max()] == [
        4, 6, 24, 16]
    inside = ellipse[6:17, 4:25]
    assert (inside == inside[::-1, ::-1]).all()
    assert (inside == inside[:, ::-1]).all()
