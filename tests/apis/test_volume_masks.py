"""The masks of slices become masks of a volume."""

import numpy as np
import pytest
from scipy.special import logit

from mmdbsam.apis.volume.masks import SliceProbabilities, mean_mask
from mmdbsam.geometry.grids import ORIENTATIONS, flat_geometry
from mmdbsam.geometry.planes import SlicePlane

SHAPE = (4, 6, 5)


@pytest.mark.parametrize('shown', [3, 2])
def test_the_mean_of_probabilities(shown):
    """A plane without a slice there counts as 0."""
    rng = np.random.default_rng(0)
    # These probabilities are exact in float16.
    values = rng.integers(1, 64, (3, *SHAPE)) / 64
    found = []
    for probabilities, plane in zip(values, ORIENTATIONS, strict=True):
        view = SlicePlane(flat_geometry(SHAPE[::-1]), plane)
        one = SliceProbabilities(view)
        for index, part in enumerate(view.slices(probabilities)):
            if len(found) < shown:
                one.add(index, logit(part), 0.5)
        found.append(one)
    wanted = values[:shown].sum(axis=0) / 3
    assert np.array_equal(mean_mask(found, SHAPE), wanted > 0.5)
    assert 0 < (wanted > 0.5).sum() < wanted.size
