"""Boxes around masks."""

from typing import Optional, Tuple

import numpy as np


def bounding_box(mask: np.ndarray) -> Optional[Tuple[slice, ...]]:
    """The smallest index box that holds every true pixel.

    Args:
        mask: A bool array of any number of dimensions.

    Returns:
        tuple[slice, ...] or None: One slice for each axis; None for an empty
        mask.
    """
    box = []
    for axis in range(mask.ndim):
        others = tuple(i for i in range(mask.ndim) if i != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        if hits.size == 0:
            return None
        box.append(slice(int(hits[0]), int(hits[-1]) + 1))
    return tuple(box)


def tight_boxes(masks: np.ndarray) -> np.ndarray:
    """The boxes around non-empty masks.

    Args:
        masks: The masks, bool (K, H, W).

    Returns:
        np.ndarray: The boxes, int64 (K, 4), as x0, y0, x1, y1, inclusive
            pixel indices.
    """
    columns, rows = masks.any(axis=1), masks.any(axis=2)
    return np.stack([
        columns.argmax(1),
        rows.argmax(1), masks.shape[2] - 1 - columns[:, ::-1].argmax(1),
        masks.shape[1] - 1 - rows[:, ::-1].argmax(1)
    ], axis=1)
