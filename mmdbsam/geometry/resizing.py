"""The geometry of the model's input: the longest side has a given length.

The arithmetic is that of ``ResizeLongestSide`` in segment-anything. It needs
no torch, because exported models run without it.
"""

from typing import Tuple

import cv2
import numpy as np

Shape = Tuple[int, int]


def longest_side_shape(shape: Shape, size: int) -> Shape:
    """The shape of an image whose longest side is resized to ``size``.

    Lengths are rounded to whole pixels, and are at least 1: the short side of
    a narrow strip would be rounded to 0.
    """
    scale = size / max(shape)
    return (max(1, int(shape[0] * scale + 0.5)),
            max(1, int(shape[1] * scale + 0.5)))


def resize_longest_side(image: np.ndarray, size: int) -> np.ndarray:
    """Resize an image so that its longest side has a given length.

    Pixels are averaged over areas to shrink and interpolated linearly to
    enlarge.

    Args:
        image: The image, (H, W) or (H, W, 3).
        size: The length of the longest side, in pixels.
    """
    shape = image.shape[:2]
    how = cv2.INTER_AREA if size < max(shape) else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(image),
                      longest_side_shape(shape, size)[::-1],
                      interpolation=how)


def resize_coordinates(coordinates: np.ndarray, old: Shape,
                       new: Shape) -> np.ndarray:
    """Where points of an image lie after it was resized.

    Each side has its own ratio, because lengths are rounded to whole pixels.

    Args:
        coordinates: Points x, y in pixels, (..., 2).
        old: The shape of the image before, (height, width).
        new: Its shape after it was resized, (height, width).

    Returns:
        The points in the resized image, float32 of the same shape.
    """
    ratios = [new[1] / old[1], new[0] / old[0]]
    return (coordinates * ratios).astype(np.float32)
