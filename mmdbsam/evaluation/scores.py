"""The scores of medical segmentation, each with its convention.

To add a score, register a subclass of :class:`Score`. Configs and reports call
it by the name of the class.
"""

from abc import ABC, abstractmethod

import numpy as np

from mmdbsam.evaluation.mask_pair import MaskPair
from mmdbsam.registry import SCORES


class Score(ABC):
    """A score, which is one number for a pair of masks.

    Attributes:
        title: The score's name for readers of a report.
        ideal: The value for a prediction that equals the reference, which is
            also the value for two empty masks. A score is better the nearer
            it is to this.
        is_distance: Whether the score is a distance in the unit of the masks'
            spacing. If not, it is a fraction, which reports print in percent.
    """

    title: str
    ideal: float
    is_distance = False

    def __call__(self, pair: MaskPair) -> float:
        """Score a pair; two empty masks have the value ``ideal``."""
        return self.ideal if pair.both_empty else float(self.compute(pair))

    @abstractmethod
    def compute(self, pair: MaskPair) -> float:
        """Score a pair of which at least one mask is not empty."""


@SCORES.register_module()
class DSC(Score):
    """Dice similarity coefficient, ``2 |R and P| / (|R| + |P|)``.

    The score is in [0, 1]. It is 1 if both masks are empty, and 0 if one is.
    """

    title = 'Dice similarity coefficient'
    ideal = 1.

    def compute(self, pair: MaskPair) -> float:
        """See the class."""
        return 2 * pair.overlap / (pair.reference_size + pair.prediction_size)


@SCORES.register_module()
class IoU(Score):
    """Intersection over union, ``|R and P| / |R or P|`` (Jaccard index).

    The score is in [0, 1]. It is 1 if both masks are empty, and 0 if one is.
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

    The score is signed and at least -1; it is negative where too little is
    predicted. Its mean is a bias, in which too much and too little cancel. It
    is 0 if both masks are empty, -1 if only the prediction is, and infinite if
    only the reference is.
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

    The score is the share of both surfaces' area that lies within the pair's
    tolerance of the other surface. It equals DeepMind's
    ``surface_distance.compute_surface_dice_at_tolerance``. It is in [0, 1]: 1
    if both masks are empty, and 0 if one is.
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

    For each surface there is a distance to the other that 95 % of its area
    does not exceed; the score is the larger of the two. It equals DeepMind's
    ``surface_distance.compute_robust_hausdorff``. It is 0 if both masks are
    empty, and the pair's ``farthest`` if one is.
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

    The score is the mean distance from either surface to the other, over the
    area of both together. The larger surface therefore weighs more than it
    does in the mean of the two means that DeepMind's
    ``surface_distance.compute_average_surface_distance`` gives. The score is 0
    if both masks are empty, and the pair's ``farthest`` if one is.
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
    """Find the smallest distance that bounds those of 95 % of the area."""
    if not len(distances):
        return 0.
    order = np.lexsort((areas, distances))
    shares = np.cumsum(areas[order]) / np.sum(areas[order])
    index = np.searchsorted(shares, 0.95)
    return distances[order][min(index, len(order) - 1)]
