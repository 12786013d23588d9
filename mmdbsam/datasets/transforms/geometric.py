"""Flips and resizing of image, masks and boxes together."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmdbsam.errors import InputError
from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class RandomFlip(BaseTransform):
    """Mirror image, masks and boxes; ``ori_boxes`` stay as they are.

    Goes before resizing: boxes are inclusive pixel indices, which mirror
    exactly only on the grid they were made on.

    Args:
        prob: Probability, in 0..1.
        direction: ``'horizontal'`` (left and right change places) or
            ``'vertical'``.

    Raises:
        InputError: If there is no such direction.
    """

    AXES = {'horizontal': 1, 'vertical': 0}

    def __init__(self, prob: float, direction: str = 'horizontal') -> None:
        if direction not in self.AXES:
            raise InputError('RandomFlip: expected direction '
                             f"{' or '.join(self.AXES)}, found '{direction}'")
        self.prob = prob
        self.direction = direction

    def transform(self, results: dict) -> dict:
        """Flip, or not."""
        if results['rng'].random() >= self.prob:
            return results
        axis = self.AXES[self.direction]
        last = results['img'].shape[axis] - 1
        low, high = (0, 2) if self.direction == 'horizontal' else (1, 3)
        boxes = results['boxes'].copy()
        boxes[:, [low, high]] = last - boxes[:, [high, low]]
        results.update(
            img=np.flip(results['img'], axis), boxes=boxes, flip=True)
        if 'masks' in results:
            results['masks'] = np.flip(results['masks'], axis + 1)
        return results


@TRANSFORMS.register_module()
class ResizeLongestSide(BaseTransform):
    """Resize so that the longest side has a given length, as SAM does.

    The image is averaged over areas when shrunk and interpolated linearly
    when enlarged; a mask's pixel takes the value at its centre. The other
    side is rounded to whole pixels, and boxes are scaled by each side's own
    ratio (``ResizeLongestSide`` in segment-anything).

    Args:
        size: Length of the longest side, in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Resize image, masks and boxes."""
        height, width = results['img'].shape[:2]
        scale = self.size / max(height, width)
        new_height = int(height * scale + 0.5)
        new_width = int(width * scale + 0.5)
        shape = (new_width, new_height)
        results.update(
            img=cv2.resize(
                np.ascontiguousarray(results['img']), shape,
                interpolation=(cv2.INTER_AREA
                               if scale < 1 else cv2.INTER_LINEAR)),
            img_shape=(new_height, new_width),
            scale_factor=scale)
        if 'boxes' in results:
            results['boxes'] = resize_coordinates(
                results['boxes'].reshape(-1, 2, 2), (height, width),
                (new_height, new_width)).reshape(-1, 4)
        if 'masks' in results:
            results['masks'] = np.stack([
                cv2.resize(np.ascontiguousarray(mask), shape,
                           interpolation=cv2.INTER_NEAREST_EXACT)
                for mask in results['masks']
            ])
        return results


def resize_coordinates(coordinates: np.ndarray, old: tuple[int, int],
                       new: tuple[int, int]) -> np.ndarray:
    """Where points of an image lie after it was resized.

    Args:
        coordinates: (..., 2), x and y in pixels.
        old: (height, width) of the image.
        new: Likewise, after.

    Returns:
        float32 of the same shape.
    """
    ratios = [new[1] / old[1], new[0] / old[0]]
    return (coordinates * ratios).astype(np.float32)
