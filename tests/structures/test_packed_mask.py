"""A packed mask is the mask that was packed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from mmdbsam.structures import PackedMask

MASKS = array_shapes(min_dims=2, max_dims=3, max_side=9).flatmap(
    lambda shape: arrays(bool, shape, elements=st.booleans(), fill=st.just(
        False)))


@given(MASKS, st.integers(0, 3))
def test_it_comes_back_in_place(mask, rim):
    """Also into a canvas that begins before the image, and when empty."""
    packed = PackedMask.pack(mask)
    assert packed.count() == np.count_nonzero(mask)
    whole = np.zeros_like(mask)
    whole[packed.where] = packed.crop()
    assert np.array_equal(whole, mask)
    canvas = np.zeros(np.add(mask.shape, rim), bool)
    packed.paste(canvas, [-rim] * mask.ndim)
    assert np.array_equal(canvas[(slice(rim, None), ) * mask.ndim], mask)
    assert np.count_nonzero(canvas) == packed.count()
