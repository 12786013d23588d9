"""Flips and resizing of image, masks and boxes together."""

import cv2
import numpy as np
from mmcv.transforms import BaseTransform

from mmdbsam.errors import InputError
from mmdbsam.geometry.resizing import (
    longest_side_shape,
    resize_coordinates,
    resize_longest_side,
)
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

    Image and boxes are resized by :mod:`.geometry.resizing`; a mask's pixel
    takes the value at its centre.

    Args:
        size: Length of the longest side, in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Resize image, masks and boxes."""
        shape = results['img'].shape[:2]
        new_shape = longest_side_shape(shape, self.size)
        results.update(
            img=resize_longest_side(results['img'], self.size),
            img_shape=new_shape,
            scale_factor=self.size / max(shape))
        if 'boxes' in results:
            results['boxes'] = resize_coordinates(
                results['boxes'].reshape(-1, 2, 2), shape,
                new_shape).reshape(-1, 4)
        if 'masks' in results:
            results['masks'] = np.stack([
                cv2.resize(np.ascontiguousarray(mask), new_shape[::-1],
                           interpolation=cv2.INTER_NEAREST_EXACT)
                for mask in results['masks']
            ])
        return results
