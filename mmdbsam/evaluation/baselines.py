"""Masks made from a box without a model: the floor under every score.

A box is (x0, y0, x1, y1) in inclusive pixel indices, as SAM's and MedSAM's
prompts are: it covers x0 - 0.5 to x1 + 0.5. A pixel belongs to a mask if its
centre does.
"""

from typing import Tuple

import numpy as np


def filled_box(boxes: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Fill each box.

    Args:
        boxes: The boxes in pixels, float (K, 4). Parts outside the image are
            cut off.
        shape: The image's size, (H, W).

    Returns:
        np.ndarray: The masks, bool (K, H, W).
    """
    x, y = _unit_coordinates(boxes, shape)
    return (np.abs(x) <= 1) & (np.abs(y) <= 1)


def inscribed_ellipse(boxes: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Fill the ellipse that touches the four sides of each box.

    Args:
        boxes: The boxes in pixels, float (K, 4). Parts outside the image are
            cut off.
        shape: The image's size, (H, W).

    Returns:
        np.ndarray: The masks, bool (K, H, W).
    """
    x, y = _unit_coordinates(boxes, shape)
    return x**2 + y**2 <= 1


def _unit_coordinates(boxes: np.ndarray, shape: Tuple[int, int]
                      ) -> Tuple[np.ndarray, np.ndarray]:
    """Scale the pixels' centres so that each box becomes [-1, 1]^2.

    Returns:
        tuple: x, (K, 1, W), and y, (K, H, 1).
    """
    x0, y0, x1, y1 = np.asarray(boxes, dtype=float).T[:, :, None]
    height, width = shape
    x = (2 * np.arange(width) - x0 - x1) / (x1 - x0 + 1)
    y = (2 * np.arange(height) - y0 - y1) / (y1 - y0 + 1)
    return x[:, None, :], y[:, :, None]
