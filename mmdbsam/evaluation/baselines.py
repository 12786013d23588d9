"""Masks that a box gives without a model: the floor under every score.

A box is (x0, y0, x1, y1) in inclusive pixel indices, as SAM's and MedSAM's
prompts are: it covers x0 - 0.5 to x1 + 0.5. A pixel belongs to a mask if its
centre does.
"""

from typing import Tuple

import numpy as np


def filled_box(boxes: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Every pixel of the box.

    Args:
        boxes: float (K, 4), pixels; parts outside the image are cut off.
        shape: (H, W) of the image.

    Returns:
        np.ndarray: bool (K, H, W).
    """
    x, y = _unit_coordinates(boxes, shape)
    return (np.abs(x) <= 1) & (np.abs(y) <= 1)


def inscribed_ellipse(boxes: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """The ellipse that touches the box's four sides.

    Args:
        boxes: float (K, 4), pixels; parts outside the image are cut off.
        shape: (H, W) of the image.

    Returns:
        np.ndarray: bool (K, H, W).
    """
    x, y = _unit_coordinates(boxes, shape)
    return x**2 + y**2 <= 1


def _unit_coordinates(boxes: np.ndarray, shape: Tuple[int, int]
                      ) -> Tuple[np.ndarray, np.ndarray]:
    """Pixel centres with each box as [-1, 1]^2: (K, 1, W) and (K, H, 1)."""
    x0, y0, x1, y1 = np.asarray(boxes, dtype=float).T[:, :, None]
    height, width = shape
    x = (2 * np.arange(width) - x0 - x1) / (x1 - x0 + 1)
    y = (2 * np.arange(height) - y0 - y1) / (y1 - y0 + 1)
    return x[:, None, :], y[:, :, None]
