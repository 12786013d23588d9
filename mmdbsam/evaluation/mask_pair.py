"""Two masks, and what the scores are computed from."""

import math
from functools import cached_property
from typing import Sequence

import numpy as np

from mmdbsam.evaluation.surfaces import SurfaceDistances, surface_distances
from mmdbsam.geometry.boxes import bounding_box


class MaskPair:
    """A reference and a prediction, measured once for all scores.

    Args:
        reference: bool (D, H, W) or (H, W).
        prediction: bool, the same shape.
        spacing: Of the pixels along each axis, in the arrays' order: in mm,
            or ones, and then every distance is in voxels.
        tolerance: Distance up to which surfaces agree, inclusive, in the
            same unit.
        farthest: What stands for the distance to a mask that is empty, in
            the same unit.

    Raises:
        ValueError: If the shapes differ, or ``spacing`` does not have one
            number an axis.
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
        """Pixels of the reference."""
        return np.count_nonzero(self._masks[0])

    @cached_property
    def prediction_size(self) -> int:
        """Pixels of the prediction."""
        return np.count_nonzero(self._masks[1])

    @cached_property
    def overlap(self) -> int:
        """Pixels of both."""
        return np.count_nonzero(self._masks[0] & self._masks[1])

    @cached_property
    def surfaces(self) -> SurfaceDistances:
        """The distances between the two surfaces."""
        return surface_distances(*self._masks, self.spacing)
