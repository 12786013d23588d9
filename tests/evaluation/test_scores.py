"""The scores of pairs of masks equal those of reference implementations."""

import math

import numpy as np
import pytest
import surface_distance
from scipy import ndimage

from mmdbsam.errors import InputError
from mmdbsam.evaluation import ASSD, DSC, HD95, NSD, RVD, IoU, MaskPair
from mmdbsam.registry import SCORES

SPACING = (2.5, 0.7, 0.9)
ALL = (DSC, NSD, HD95, ASSD, IoU, RVD)


def blobs(rng, shape, quantile):
    smooth = ndimage.gaussian_filter(rng.normal(size=shape),
                                     rng.uniform(0, 2))
    return smooth > np.quantile(smooth, quantile)


def random_mask(rng, shape):
    """Draw a blob, noise, a box, a voxel, a slice of a blob, or everything."""
    kind = rng.integers(6)
    if kind < 2:
        return blobs(rng, shape, rng.uniform(0.3, 0.99))
    if kind == 2:
        return rng.random(shape) < rng.uniform(0.01, 0.9)
    mask = np.zeros(shape, bool)
    if kind == 3:
        starts = [rng.integers(side) for side in shape]
        mask[tuple(slice(s, s + rng.integers(1, 8)) for s in starts)] = True
    elif kind == 4:
        mask[tuple(rng.integers(side) for side in shape)] = True
    else:
        mask[rng.integers(shape[0])] = True
    return mask


def pairs(number=200):
    """Draw shapes, masks, spacings and tolerances of every kind."""
    for seed in range(number):
        rng = np.random.default_rng(seed)
        shape = rng.integers(1, 20, size=2 if seed % 5 == 0 else 3)
        a, b = random_mask(rng, shape), random_mask(rng, shape)
        if seed % 7 == 0:
            b = np.roll(a, rng.integers(0, 3), axis=-1)
        spacing = (rng.uniform(0.3, 5, size=len(shape)) if seed % 2 else
                   rng.choice([0.4, 0.5, 0.7, 0.8, 1., 2.5], len(shape)))
        if a.any() and b.any():
            yield a, b, spacing, rng.choice(
                [0., 0.7, 1., 2., rng.uniform(0, 9)])


def package(a, b, spacing, tolerance):
    """Score a pair, neither of it empty, with DeepMind's package."""
    found = surface_distance.compute_surface_distances(a, b, spacing)
    means = surface_distance.compute_average_surface_distance(found)
    areas = [found[f'surfel_areas_{key}'].sum() for key in ('gt', 'pred')]
    return dict(
        DSC=surface_distance.compute_dice_coefficient(a, b),
        NSD=surface_distance.compute_surface_dice_at_tolerance(
            found, tolerance),
        HD95=surface_distance.compute_robust_hausdorff(found, 95),
        ASSD=np.dot(means, areas) / sum(areas))


def counted(a, b):
    """Compute the scores that are counts, by sets of positions."""
    a, b = (set(map(tuple, np.argwhere(mask))) for mask in (a, b))
    return dict(DSC=2 * len(a & b) / (len(a) + len(b)),
                IoU=len(a & b) / len(a | b),
                RVD=(len(b) - len(a)) / len(a))


def score(name, *pair, **options):
    return SCORES.build(dict(type=name))(MaskPair(*pair, **options))


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_they_equal_the_reference_implementations():
    compared = 0
    for a, b, spacing, tolerance in pairs():
        pair = MaskPair(a, b, spacing, tolerance)
        for expected in (package(a, b, spacing, tolerance), counted(a, b)):
            for name, value in expected.items():
                assert SCORES.build(dict(type=name))(pair) == pytest.approx(
                    value, abs=1e-9), (name, a.shape, spacing, tolerance)
        compared += 1
    assert compared > 190


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize('steps, spacing, tolerance', [
    (3, 0.1, 0.3), (3, 0.7, 2.1), (5, 0.4, 2.0)])
def test_a_distance_at_the_tolerance_counts_as_in_the_package(
        steps, spacing, tolerance):
    """The tolerance is met although 3 * 0.1 > 0.3 in floats."""
    a = np.zeros((4, 8, 40), bool)
    a[1:3, 2:5, 30:33] = True
    b = np.roll(a, steps, axis=2)
    grid = (spacing, ) * 3
    assert score('NSD', a, b, grid, tolerance) == pytest.approx(
        package(a, b, grid, tolerance)['NSD'], abs=1e-12)


def test_scores_do_not_move_with_the_masks_and_know_their_sides():
    for a, b, spacing, tolerance in pairs(20):
        there, back = (MaskPair(*masks, spacing, tolerance)
                       for masks in ((a, b), (b, a)))
        border = [(3, 0), (0, 2), (5, 1)][:a.ndim]
        moved = MaskPair(np.pad(a, border), np.pad(b, border), spacing,
                         tolerance)
        for kind in ALL:
            one = kind()
            assert one(moved) == one(there)
            if kind is RVD:
                assert (1 + one(there)) * (1 + one(back)) == pytest.approx(1)
            else:
                assert one(back) == pytest.approx(one(there))


@pytest.mark.parametrize('shape', [(4, 5, 6), (5, 6)])
def test_empty_masks(shape):
    empty, full = np.zeros(shape, bool), np.ones(shape, bool)
    spacing = (2., ) * len(shape)
    for kind in ALL:
        assert kind()(MaskPair(empty, empty, spacing, 9)) == kind.ideal
        assert kind()(MaskPair(full, full, spacing, 9)) == kind.ideal
    # reference, prediction, one-empty scores
    for a, b, volume in ((full, empty, -1), (empty, full, math.inf)):
        pair = MaskPair(a, b, spacing, 9)
        assert [DSC()(pair), IoU()(pair), NSD()(pair)] == [0, 0, 0]
        assert RVD()(pair) == volume
        assert HD95()(pair) == ASSD()(pair) == math.inf
        pair = MaskPair(a, b, spacing, tolerance=99, farthest=42)
        assert HD95()(pair) == ASSD()(pair) == 42
        assert NSD()(pair) == 0


def test_distances_have_the_unit_of_the_spacing():
    a = np.zeros((12, 20, 20), bool)
    a[4:8, 6:14, 6:14] = True
    for axis, spacing in enumerate((5, 0.7, 0.8)):
        b = np.roll(a, 1, axis=axis)
        grid = (5, 0.7, 0.8)
        assert score('HD95', a, b, grid) == pytest.approx(spacing)
        assert score('HD95', a, b, (1, 1, 1)) == 1
        assert score('NSD', a, b, grid, spacing) == 1
        assert score('NSD', a, b, grid, 0.9 * spacing) < 1
        assert 0 < score('ASSD', a, b, grid) < spacing


def test_arrays_that_do_not_fit_are_refused():
    a = np.ones((4, 5, 6), bool)
    with pytest.raises(ValueError, match='differ in shape'):
        MaskPair(a, a[:1], (1, 1, 1))
    with pytest.raises(ValueError, match='expected 3 numbers'):
        MaskPair(a, a, (1, 1))


def test_an_unknown_score_names_those_there_are():
    with pytest.raises(InputError, match="'Dice'.*ASSD, DSC, HD95"):
        SCORES.build(dict(type='Dice'))
