"""The geometry of the model's input: the longest side has a given length.

As in ``ResizeLongestSide`` of segment-anything. Needs no torch: exported
models are run without it.
"""

from typing import Tuple

import cv2
import numpy as np

Shape = Tuple[int, int]


def longest_side_shape(shape: Shape, size: int) -> Shape:
    """(height, width) once the longest side is ``size``, in whole pixels.

    At least one: a strip of an image would have none.
    """
    scale = size / max(shape)
    return (max(1, int(shape[0] * scale + 0.5)),
            max(1, int(shape[1] * scale + 0.5)))


def resize_longest_side(image: np.ndarray, size: int) -> np.ndarray:
    """Average over areas to shrink, interpolate linearly to enlarge.

    Args:
        image: (H, W) or (H, W, 3).
        size: Length of the longest side, in pixels.
    """
    shape = image.shape[:2]
    how = cv2.INTER_AREA if size < max(shape) else cv2.INTER_LINEAR
    return cv2.resize(np.ascontiguousarray(image),
                      longest_side_shape(shape, size)[::-1],
                      interpolation=how)


def resize_coordinates(coordinates: np.ndarray, old: Shape,
                       new: Shape) -> np.ndarray:
    """Where points of an image lie after it was resized.

    Each side has its own ratio, as lengths are rounded to whole pixels.

    Args:
        coordinates: (..., 2), x and y in pixels.
        old: (height, width) of the image.
        new: Likewise, after.

    Returns:
        float32 of the same shape.
    """
    ratios = [new[1] / old[1], new[0] / old[0]]
    return (coordinates * ratios).astype(np.float32)
