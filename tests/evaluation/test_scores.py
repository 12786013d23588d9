import numpy as np
import pytest
import surface_distance
from scipy import ndimage

from mmdbsam.evaluation import dice, normalized_surface_dice

SPACING = (2.5, 0.7, 0.9)


def blobs(seed, shape=(9, 24, 26), quantile=0.8):
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 1.5)
    return smooth > np.quantile(smooth, quantile)


def package_nsd(reference, prediction, spacing, tolerance):
    distances = surface_distance.compute_surface_distances(
        reference, prediction, spacing)
    return surface_distance.compute_surface_dice_at_tolerance(
        distances, tolerance)


def pairs():
    one = np.zeros((9, 24, 26), bool)
    one[4, 10, 11] = True
    full = np.ones_like(one)
    yield 'random', blobs(0), blobs(1)
    yield 'sparse', blobs(2, quantile=0.99), blobs(3, quantile=0.97)
    yield 'equal', blobs(4), blobs(4)
    yield 'voxels', one, np.roll(one, 2, axis=2)
    yield 'voxel and all', one, full
    yield 'corners', np.roll(one, (-4, -10, -11), (0, 1, 2)), np.roll(
        one, (4, 13, 14), (0, 1, 2))
    yield 'one slice', blobs(5) & (np.arange(9) == 0)[:, None, None], blobs(6)


PAIRS = [pytest.param(a, b, id=name) for name, a, b in pairs()]


@pytest.mark.parametrize('a, b', PAIRS)
def test_dice_counts_voxels(a, b):
    in_a, in_b = (set(map(tuple, np.argwhere(mask))) for mask in (a, b))
    expected = 2 * len(in_a & in_b) / (len(in_a) + len(in_b))
    assert dice(a, b) == pytest.approx(expected, abs=1e-12)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize('tolerance', [0, 0.75, 2, 5])
@pytest.mark.parametrize('spacing', [SPACING, (1, 1, 1)])
@pytest.mark.parametrize('a, b', PAIRS)
def test_nsd_equals_the_package_on_whole_arrays(a, b, spacing, tolerance):
    found = normalized_surface_dice(a, b, spacing, tolerance)
    assert found == pytest.approx(
        package_nsd(a, b, spacing, tolerance), abs=1e-9)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_nsd_equals_the_package_in_two_dimensions():
    a, b = blobs(0)[4], blobs(1)[4]
    found = normalized_surface_dice(a, b, (0.7, 1.3), 1.5)
    assert 0 < found < 1
    assert found == pytest.approx(package_nsd(a, b, (0.7, 1.3), 1.5))


@pytest.mark.parametrize('a, b', PAIRS)
def test_scores_are_symmetric_and_do_not_move_with_the_masks(a, b):
    expected = normalized_surface_dice(a, b, SPACING, 1)
    assert normalized_surface_dice(b, a, SPACING, 1) == pytest.approx(expected)
    assert dice(b, a) == dice(a, b)
    a, b = (np.pad(m, ((3, 0), (0, 2), (5, 1))) for m in (a, b))
    assert normalized_surface_dice(a, b, SPACING, 1) == pytest.approx(expected)


@pytest.mark.parametrize('shape', [(4, 5, 6), (5, 6)])
def test_empty_masks(shape):
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    spacing = (1, ) * len(shape)
    for score in (dice,
                  lambda a, b: normalized_surface_dice(a, b, spacing, 9)):
        assert score(empty, empty) == 1
        assert score(empty, full) == score(full, empty) == 0


def test_nsd_is_measured_in_millimetres():
    ball = np.zeros((12, 20, 20), bool)
    ball[4:8, 6:14, 6:14] = True
    spacing, tolerance = (5, 0.7, 0.7), 2
    one_slice = normalized_surface_dice(
        ball, np.roll(ball, 1, axis=0), spacing, tolerance)
    one_pixel = normalized_surface_dice(
        ball, np.roll(ball, 1, axis=2), spacing, tolerance)
    assert one_slice < 0.9
    assert one_pixel == 1
    assert normalized_surface_dice(
        ball, np.roll(ball, 1, axis=0), spacing, 5) == 1


def test_a_distance_equal_to_the_tolerance_is_within_it():
    mask = np.zeros((4, 8, 40), bool)
    mask[1:3, 2:5, 30:33] = True
    # 3 * 0.1 > 0.3 in floats.
    assert normalized_surface_dice(
        mask, np.roll(mask, 3, axis=2), (0.1, 0.1, 0.1), 0.3) == 1


def test_arrays_that_do_not_fit_are_refused():
    a = np.ones((4, 5, 6), bool)
    with pytest.raises(ValueError, match='differ in shape'):
        dice(a, a[:1])
    with pytest.raises(ValueError, match='differ in shape'):
        normalized_surface_dice(a, a[:1], (1, 1, 1), 1)
    with pytest.raises(ValueError, match='expected 3 numbers'):
        normalized_surface_dice(a, a, (1, 1), 1)
