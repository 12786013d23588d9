"""The flips and the resizing of an image with its masks and prompts."""

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

# Images of each object, uint8 (K, H, W).
_STACKS = ('masks', 'rough_masks')

# The axes of an image that a direction mirrors.
FLIP_AXES = {'horizontal': (1,), 'vertical': (0,), 'diagonal': (0, 1)}


@TRANSFORMS.register_module()
class RandomFlip(BaseTransform):
    """Mirror image, masks, class map, boxes and points.

    ``ori_boxes`` stay as they are.

    Flip before resizing: boxes are inclusive pixel indices, which mirror
    exactly only on the grid that they were made on. ``flip`` and
    ``flip_direction`` (None, or one of the directions) say how the image
    differs from the original slice, also after several flips.

    Args:
        prob: The probability of a flip, in 0..1.
        direction: ``'horizontal'`` (left and right change places),
            ``'vertical'``, or ``'diagonal'`` for both.

    Raises:
        InputError: If the direction is another; from the call, if the sample
            is prompted, but not by boxes.
    """

    def __init__(self, prob: float, direction: str = 'horizontal') -> None:
        if direction not in FLIP_AXES:
            raise InputError('RandomFlip: expected direction '
                             f"{' or '.join(FLIP_AXES)}, found '{direction}'")
        self.prob = prob
        self.direction = direction

    def transform(self, results: dict) -> dict:
        """Flip with the given probability."""
        if results['rng'].random() >= self.prob:
            return results
        if 'boxes' not in results and 'prompt' in results:
            raise InputError('RandomFlip: expected a sample prompted by boxes,'
                             ' found one prompted by clicks; leave flips and '
                             '--tta out with clicks')
        axes = FLIP_AXES[self.direction]
        if 'boxes' in results:
            boxes = results['boxes'].copy()
            for axis in axes:
                last = results['img'].shape[axis] - 1
                low, high = (0, 2) if axis == 1 else (1, 3)
                boxes[:, [low, high]] = last - boxes[:, [high, low]]
            results['boxes'] = boxes
        if 'gt_seg_map' in results:
            results['gt_seg_map'] = np.flip(results['gt_seg_map'], axes)
        direction = _joined(results['flip_direction'], self.direction)
        results.update(img=np.flip(results['img'], axes),
                       flip=direction is not None, flip_direction=direction)
        if 'points' in results:
            points = results['points'].copy()
            for axis in axes:
                last = results['img'].shape[axis] - 1
                points[..., 1 - axis] = last - points[..., 1 - axis]
            results['points'] = points
        for key in filter(results.__contains__, _STACKS):
            results[key] = np.flip(results[key],
                                   tuple(axis + 1 for axis in axes))
        return results


def _joined(first: str | None, second: str) -> str | None:
    """The direction of two flips, one after the other."""
    # Mirroring an axis twice restores it.
    axes = set(FLIP_AXES.get(first, ())) ^ set(FLIP_AXES[second])
    return next((direction for direction, mirrored in FLIP_AXES.items()
                 if set(mirrored) == axes), None)


@TRANSFORMS.register_module()
class ResizeLongestSide(BaseTransform):
    """Resize so that the longest side has a given length, as SAM does.

    :mod:`.geometry.resizing` resizes image, boxes and points. An enlarged mask
    stays uint8, and its pixels take the value at their centres. A pixel of a
    mask that shrinks becomes the share of it that the structure covers,
    float32 in 0..1: the value at one place would move the mask by up to half a
    pixel of the original slice, always in the same direction. A class map
    takes the value at its pixels' centres either way, as classes have no
    shares.

    Args:
        size: The length of the longest side, in pixels.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Resize image, masks, class map, boxes and points."""
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
        if 'points' in results:
            points = results['points'].copy()
            points[..., :2] = resize_coordinates(points[..., :2], shape,
                                                 new_shape)
            results['points'] = points
        for key in filter(results.__contains__, _STACKS):
            results[key] = np.stack([_resized(mask, new_shape)
                                     for mask in results[key]])
        if 'gt_seg_map' in results:
            results['gt_seg_map'] = _sampled(results['gt_seg_map'], new_shape)
        return results


def _resized(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    if max(shape) < max(mask.shape):
        return cv2.resize(mask.astype(np.float32), shape[::-1],
                          interpolation=cv2.INTER_AREA)
    return _sampled(mask, shape)


def _sampled(mask: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(mask), shape[::-1],
                      interpolation=cv2.INTER_NEAREST_EXACT)
