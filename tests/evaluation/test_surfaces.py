"""The distance maps of surfaces."""

import numpy as np
import pytest
from scipy import ndimage

from mmdbsam.evaluation.surfaces import _distance_map
from mmdbsam.geometry.boxes import bounding_box


@pytest.mark.parametrize('seed', range(40))
def test_the_distance_map_is_scipys(seed):
    rng = np.random.default_rng(seed)
    shape = rng.integers(1, 25, size=rng.integers(2, 4))
    spacing = rng.uniform(0.2, 5, size=len(shape))
    surface = rng.random(shape) < rng.choice([0.002, 0.05, 0.6])
    surface[tuple(rng.integers(side) for side in shape)] = True
    np.testing.assert_allclose(
        _distance_map(surface, spacing),
        ndimage.distance_transform_edt(~surface, sampling=spacing),
        rtol=0, atol=1e-12)


@pytest.mark.parametrize('shape', [(3, 4, 5), (4, 5)])
def test_nothing_is_infinitely_far(shape):
    empty = np.zeros(shape, bool)
    assert np.isinf(_distance_map(empty, (1, ) * len(shape))).all()


def test_bounding_box():
    mask = np.zeros((4, 6, 5), bool)
    assert bounding_box(mask) is None
    mask[1, 2, 0] = mask[3, 2, 4] = True
    assert bounding_box(mask) == (slice(1, 4), slice(2, 3), slice(0, 5))
