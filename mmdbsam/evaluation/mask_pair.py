"""Two masks, and the measurements from which scores are computed."""

import math
from functools import cached_property
from typing import Sequence

import numpy as np

from mmdbsam.evaluation.surfaces import SurfaceDistances, surface_distances
from mmdbsam.geometry.boxes import bounding_box


class MaskPair:
    """A reference and a prediction, measured once for all scores.

    Args:
        reference: The reference, bool (D, H, W) or (H, W).
        prediction: The prediction, bool, of the same shape.
        spacing: The spacing of the pixels along each axis, in the arrays'
            order. It is in mm, or all ones for distances in voxels.
        tolerance: The distance up to which surfaces agree, inclusive, in the
            same unit.
        farthest: The distance that is taken to an empty mask, in the same
            unit.

    Raises:
        ValueError: If the shapes differ, or ``spacing`` does not have one
            number per axis.
    """

    def __init__(self,
                 reference: np.ndarray,
                 prediction: np.ndarray,
                 spacing: Sequence[float],
                 tolerance: float = 0.,
                 farthest: float = math.inf) -> None:
        if reference.shape != prediction.shape:
            raise ValueError('reference and prediction differ in shape: '
                             f'{reference.shape} and {prediction.shape}')
        if len(spacing) != reference.ndim:
            raise ValueError(f'spacing: expected {reference.ndim} numbers, '
                             f'found {len(spacing)}')
        union = bounding_box(reference | prediction)
        self._masks = [mask[union or ...] for mask in (reference, prediction)]
        self.spacing = spacing
        self.tolerance = tolerance
        self.farthest = farthest
        self.both_empty = union is None

    @cached_property
    def reference_size(self) -> int:
        """The number of pixels of the reference."""
        return np.count_nonzero(self._masks[0])

    @cached_property
    def prediction_size(self) -> int:
        """The number of pixels of the prediction."""
        return np.count_nonzero(self._masks[1])

    @cached_property
    def overlap(self) -> int:
        """The number of pixels that are in both masks."""
        return np.count_nonzero(self._masks[0] & self._masks[1])

    @cached_property
    def surfaces(self) -> SurfaceDistances:
        """The distances between the two surfaces."""
        return surface_distances(*self._masks, self.spacing)
