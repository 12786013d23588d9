"""The scores of medical segmentation, each with its convention.

A score of one's own is a registered subclass of :class:`Score`; its name in
a config and in the reports is that of the class.
"""

from abc import ABC, abstractmethod

import numpy as np

from mmdbsam.evaluation.mask_pair import MaskPair
from mmdbsam.registry import SCORES


class Score(ABC):
    """One number for a pair of masks.

    Attributes:
        title: Its name for a reader.
        ideal: Its value for a prediction that equals the reference, as for
            two empty masks. A score is better the nearer it is to that.
        is_distance: Whether it has the unit of the masks' spacing; else it is
            a fraction, which reports print in percent.
    """

    title: str
    ideal: float
    is_distance = False

    def __call__(self, pair: MaskPair) -> float:
        """The score of a pair; ``ideal`` if both masks are empty."""
        return self.ideal if pair.both_empty else float(self.compute(pair))

    @abstractmethod
    def compute(self, pair: MaskPair) -> float:
        """The score of a pair of which at least one mask is not empty."""


@SCORES.register_module()
class DSC(Score):
    """Dice similarity coefficient, ``2 |R and P| / (|R| + |P|)``.

    In [0, 1]; both empty: 1, one empty: 0.
    """

    title = 'Dice similarity coefficient'
    ideal = 1.

    def compute(self, pair: MaskPair) -> float:
        """See the class."""
        return 2 * pair.overlap / (pair.reference_size + pair.prediction_size)


@SCORES.register_module()
class IoU(Score):
    """Intersection over union, ``|R and P| / |R or P|`` (Jaccard index).

    In [0, 1]; both empty: 1, one empty: 0.
    """

    title = 'intersection over union'
    ideal = 1.

    def compute(self, pair: MaskPair) -> float:
        """See the class."""
        return pair.overlap / (pair.reference_size + pair.prediction_size
                               - pair.overlap)


@SCORES.register_module()
class RVD(Score):
    """Relative volume difference, ``(|P| - |R|) / |R|``.

    Signed, from -1: negative where too little is predicted. Its mean is a
    bias, in which too much and too little cancel. Both empty: 0; prediction
    empty: -1; reference empty: infinite.
    """

    title = 'relative volume difference, signed'
    ideal = 0.

    def compute(self, pair: MaskPair) -> float:
        """See the class."""
        if not pair.reference_size:
            return np.inf
        return pair.prediction_size / pair.reference_size - 1


@SCORES.register_module()
class NSD(Score):
    """Normalised surface Dice (Nikolov et al., arXiv:1809.04430).

    The share of both surfaces' area that lies within the pair's tolerance of
    the other, as ``compute_surface_dice_at_tolerance`` of DeepMind's
    ``surface_distance``. In [0, 1]; both empty: 1, one empty: 0.
    """

    title = 'normalised surface Dice'
    ideal = 1.

    def compute(self, pair: MaskPair) -> float:
        """See the class."""
        found = pair.surfaces
        areas = np.concatenate([found.reference_areas, found.prediction_areas])
        distances = np.concatenate([found.reference, found.prediction])
        return areas[distances <= pair.tolerance].sum() / areas.sum()


@SCORES.register_module()
class HD95(Score):
    """95th percentile of the Hausdorff distance.

    Of each surface the distance to the other that 95 % of its area does not
    exceed, and of the two the larger, as ``compute_robust_hausdorff`` of
    DeepMind's ``surface_distance``. Both empty: 0; one empty: the pair's
    ``farthest``.
    """

    title = '95th percentile of the Hausdorff distance'
    ideal = 0.
    is_distance = True

    def compute(self, pair: MaskPair) -> float:
        """See the class."""
        found = pair.surfaces
        return min(pair.farthest, max(
            _percentile_95(found.reference, found.reference_areas),
            _percentile_95(found.prediction, found.prediction_areas)))


@SCORES.register_module()
class ASSD(Score):
    """Average symmetric surface distance (Heimann et al., TMI 2009).

    The mean distance from either surface to the other over the area of both
    together: where one surface is larger, it weighs more than in the mean of
    the two means, which ``compute_average_surface_distance`` of DeepMind's
    ``surface_distance`` gives. Both empty: 0; one empty: the pair's
    ``farthest``.
    """

    title = 'average symmetric surface distance'
    ideal = 0.
    is_distance = True

    def compute(self, pair: MaskPair) -> float:
        """See the class."""
        found = pair.surfaces
        total = (found.reference @ found.reference_areas
                 + found.prediction @ found.prediction_areas)
        return min(pair.farthest, total / (found.reference_areas.sum()
                                           + found.prediction_areas.sum()))


def _percentile_95(distances: np.ndarray, areas: np.ndarray) -> float:
    """The smallest distance that bounds those of 95 % of the area."""
    if not len(distances):
        return 0.
    order = np.lexsort((areas, distances))
    shares = np.cumsum(areas[order]) / np.sum(areas[order])
    index = np.searchsorted(shares, 0.95)
    return distances[order][min(index, len(order) - 1)]
