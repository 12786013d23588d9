"""Random changes of a slice, as another scan could have shown it.

They change ``img`` and ``label`` together before the prompts are made, and
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

    What comes in from outside is air: grey value 0 and label 0.

    Args:
        prob: The probability of a change, in 0..1.
        scale: The range of the enlargement, which is drawn uniformly in its
            logarithm.
        angle: The largest rotation, in degrees.
        shift: The largest shift, as a fraction of height and width.
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
        """Warp image and label with the given probability."""
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

    The image is averaged over areas onto the coarser grid, and the label is
    sampled there. Both are then brought back, the image by linear
    interpolation.

    Args:
        prob: The probability of a change, in 0..1.
        factor: The range of the pixel's enlargement, >= 1, which is drawn
            uniformly in its logarithm.
    """

    def __init__(self, prob: float, factor: Sequence[float] = (1., 4.)
                 ) -> None:
        self.prob = prob
        self.factor = factor

    def transform(self, results: dict) -> dict:
        """Coarsen image and label with the given probability."""
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
    """Change the gamma, and the window within what the prepared one kept.

    Grey values are uint8.

    Args:
        prob: The probability of a change, in 0..1.
        level: The largest shift of the window's centre, as a fraction of the
            range of grey values.
        width: The range of the factor that the window's width is multiplied
            by, drawn uniformly in its logarithm.
        gamma: The range of the exponent that is applied to the values in 0..1,
            drawn uniformly in its logarithm.
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
        """Map the grey values with the given probability."""
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
