"""Random changes of a slice that another scan could have shown.

They go before the prompts are made, on ``img`` and ``label`` together, and
keep the slice's size.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomAffine(BaseTransform):
    """Scale and rotate about the centre, and shift.

    What comes in from outside is air: grey value and label 0.

    Args:
        prob: Probability, in 0..1.
        scale: Range of the enlargement, drawn uniformly in its logarithm.
        angle: Largest rotation, in degrees.
        shift: Largest shift, as a share of height and width.
    """

    def __init__(self,
                 prob: float,
                 scale: Sequence[float] = (0.8, 1.25),
                 angle: float = 10.,
                 shift: float = 0.05) -> None:
        self.prob = prob
        self.scale = scale
        self.angle = angle
        self.shift = shift

    def transform(self, results: dict) -> dict:
        """Warp image and label, or not."""
        rng = results['rng']
        if rng.random() >= self.prob:
            return results
        height, width = results['img'].shape[:2]
        matrix = cv2.getRotationMatrix2D(
            ((width - 1) / 2, (height - 1) / 2),
            rng.uniform(-self.angle, self.angle),
            float(np.exp(rng.uniform(*np.log(self.scale)))))
        matrix[:, 2] += rng.uniform(-self.shift, self.shift, 2) * (width,
                                                                   height)
        results.update(
            img=cv2.warpAffine(results['img'], matrix, (width, height),
                               flags=cv2.INTER_LINEAR),
            label=np.stack([
                cv2.warpAffine(layer, matrix, (width, height),
                               flags=cv2.INTER_NEAREST)
                for layer in results['label']]))
        return results


@TRANSFORMS.register_module()
class RandomCoarsen(BaseTransform):
    """Show the slice as a scan with larger pixels would.

    The image is averaged over areas onto the coarser grid, the label sampled
    there; both are brought back, the image linearly.

    Args:
        prob: Probability, in 0..1.
        factor: Range of the pixel's enlargement, >= 1, drawn uniformly in its
            logarithm.
    """

    def __init__(self, prob: float, factor: Sequence[float] = (1., 4.)
                 ) -> None:
        self.prob = prob
        self.factor = factor

    def transform(self, results: dict) -> dict:
        """Coarsen image and label, or not."""
        rng = results['rng']
        if rng.random() >= self.prob:
            return results
        height, width = results['img'].shape[:2]
        factor = np.exp(rng.uniform(*np.log(self.factor)))
        coarse = (max(1, round(width / factor)),
                  max(1, round(height / factor)))
        image = cv2.resize(results['img'], coarse,
                           interpolation=cv2.INTER_AREA)
        results.update(
            img=cv2.resize(image, (width, height),
                           interpolation=cv2.INTER_LINEAR),
            label=np.stack([
                _sampled(_sampled(layer, coarse), (width, height))
                for layer in results['label']]))
        return results


def _sampled(layer: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(layer, size, interpolation=cv2.INTER_NEAREST_EXACT)


@TRANSFORMS.register_module()
class RandomWindow(BaseTransform):
    """Change the window, within what the prepared one kept, and the gamma.

    Grey values are uint8; level and width are shares of their range.

    Args:
        prob: Probability, in 0..1.
        level: Largest shift of the window's centre.
        width: Range of the factor of its width, drawn uniformly in its
            logarithm.
        gamma: Range of the exponent of the values in 0..1, likewise.
    """

    def __init__(self,
                 prob: float,
                 level: float = 0.1,
                 width: Sequence[float] = (0.7, 1.4),
                 gamma: Sequence[float] = (0.7, 1.4)) -> None:
        self.prob = prob
        self.level = level
        self.width = width
        self.gamma = gamma

    def transform(self, results: dict) -> dict:
        """Map the grey values, or not."""
        rng = results['rng']
        if rng.random() >= self.prob:
            return results
        width, gamma = (np.exp(rng.uniform(*np.log(limits)))
                        for limits in (self.width, self.gamma))
        centre = 0.5 + rng.uniform(-self.level, self.level)
        values = (np.arange(256) / 255 - centre) / width + 0.5
        table = 255 * values.clip(0, 1)**gamma
        results['img'] = cv2.LUT(results['img'],
                                 table.round().astype(np.uint8))
        return results
