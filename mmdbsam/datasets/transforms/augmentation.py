"""Random changes of a slice, as another scan could have shown it.

They change ``img`` and ``label`` together before the prompts are made, and
keep the slice's size. A change that would take all labels out of a slice is
not made, since nothing could be prompted then.
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
        label = np.stack([
            cv2.warpAffine(layer, matrix, (width, height),
                           flags=cv2.INTER_NEAREST)
            for layer in results['label']])
        if label.any() or not results['label'].any():
            results.update(
                img=cv2.warpAffine(results['img'], matrix, (width, height),
                                   flags=cv2.INTER_LINEAR),
                label=label)
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
        min_side: The number of coarse pixels that the longest side keeps. A
            slice that has no more than these stays as it is.
    """

    def __init__(self,
                 prob: float,
                 factor: Sequence[float] = (1., 4.),
                 min_side: int = 1) -> None:
        self.prob = prob
        self.factor = factor
        self.min_side = min_side

    def transform(self, results: dict) -> dict:
        """Coarsen image and label with the given probability."""
        rng = results['rng']
        if rng.random() >= self.prob:
            return results
        height, width = results['img'].shape[:2]
        factor = min(np.exp(rng.uniform(*np.log(self.factor))),
                     max(width, height) / self.min_side)
        coarse = (max(1, round(width / factor)),
                  max(1, round(height / factor)))
        label = np.stack([_sampled(_sampled(layer, coarse), (width, height))
                          for layer in results['label']])
        if factor > 1 and (label.any() or not results['label'].any()):
            image = cv2.resize(results['img'], coarse,
                               interpolation=cv2.INTER_AREA)
            results.update(
                img=cv2.resize(image, (width, height),
                               interpolation=cv2.INTER_LINEAR),
                label=label)
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


@TRANSFORMS.register_module()
class RandomNoise(BaseTransform):
    """Add the grain of a scan with less dose, or of a sharper kernel.

    Grey values are uint8. The noise is Gaussian and is smoothed, so that its
    grains have the size of several pixels; the smoothing keeps its strength.

    Args:
        prob: The probability of a change, in 0..1.
        std: The range of the noise's standard deviation, in grey values, drawn
            uniformly.
        grain: The range of the standard deviation of the smoothing, in pixels,
            drawn uniformly.
    """

    def __init__(self,
                 prob: float,
                 std: Sequence[float] = (2., 16.),
                 grain: Sequence[float] = (0., 1.)) -> None:
        self.prob = prob
        self.std = std
        self.grain = grain

    def transform(self, results: dict) -> dict:
        """Add noise with the given probability."""
        rng = results['rng']
        if rng.random() >= self.prob:
            return results
        std, grain = rng.uniform(*self.std), rng.uniform(*self.grain)
        image = results['img']
        noise = rng.standard_normal(image.shape, np.float32)
        if grain > 0.3:  # A narrower kernel is a single pixel.
            noise = cv2.GaussianBlur(noise, (0, 0), grain)
            noise /= noise.std()
        noisy = np.rint(image + std * noise)
        results['img'] = noisy.clip(0, 255).astype(np.uint8)
        return results
