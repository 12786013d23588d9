"""Turns strokes and closed lines on a slice into masks and points."""

from collections.abc import Sequence
from typing import Any, Tuple

import cv2
import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import bounding_box

# As many as the interactive configs train with, and as wide a stroke.
_POINTS = 6
_WIDTH = 3
# cv2 draws with this many bits for the fraction of a pixel.
_FRACTION = 4


def is_painted(drawn: Any) -> bool:
    """Say whether a drawing is given by its pixels and not by points."""
    return np.asarray(drawn).dtype == bool


def painted(drawn: np.ndarray, shape: Tuple[int, int], what: str
            ) -> np.ndarray:
    """Check the pixels of a drawing.

    Args:
        drawn: The pixels, bool.
        shape: The shape (H, W) of the slice as it is stored.
        what: The name of the drawing in messages.

    Raises:
        InputError: If the pixels have another shape, or none is drawn.
    """
    pixels = np.asarray(drawn)
    if pixels.shape != shape:
        raise InputError(f'{what}: expected pixels of the slice, {shape}, '
                         f'found {pixels.shape}')
    if not pixels.any():
        raise InputError(f'{what}: expected at least one pixel, found none')
    return pixels


def stroke_mask(path: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Draw a path (P, 2) as a stroke a few pixels wide, bool (H, W)."""
    canvas = np.zeros(shape, np.uint8)
    cv2.polylines(canvas, [_fixed(path)], False, 1, _WIDTH, cv2.LINE_8,
                  _FRACTION)
    return canvas.astype(bool)


def filled_mask(corners: np.ndarray, shape: Tuple[int, int]) -> np.ndarray:
    """Fill a polygon (P, 2) with its border, bool (H, W)."""
    canvas = np.zeros(shape, np.uint8)
    cv2.fillPoly(canvas, [_fixed(corners)], 1, cv2.LINE_8, _FRACTION)
    return canvas.astype(bool)


def points_along(path: np.ndarray) -> np.ndarray:
    """Choose points (P, 2) at even distances along a path (n, 2)."""
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    place = np.concatenate([[0.], lengths.cumsum()])
    wanted = np.linspace(0, place[-1], _POINTS)
    return np.stack([np.interp(wanted, place, axis) for axis in path.T],
                    axis=1)


def points_of(mask: np.ndarray) -> np.ndarray:
    """Choose points spread over a stroke's skeleton.

    The first is the one nearest to the skeleton's centroid, and each further
    one is as far from those before as can be.

    Args:
        mask: The stroke, bool (H, W), not empty.

    Returns:
        np.ndarray: The points, float64 (P, 2), as x and y.
    """
    pixels = np.argwhere(skeleton(mask))[:, ::-1].astype(float)
    chosen = [np.linalg.norm(pixels - pixels.mean(axis=0), axis=1).argmin()]
    while len(chosen) < _POINTS:
        gaps = np.linalg.norm(pixels[:, None] - pixels[chosen], axis=2)
        chosen.append(gaps.min(axis=1).argmax())
    return pixels[chosen]


def skeleton(mask: np.ndarray) -> np.ndarray:
    """Thin a mask to lines of one pixel's width (Zhang and Suen, 1984).

    Args:
        mask: The mask, bool (H, W), not empty.

    Returns:
        np.ndarray: The lines, bool (H, W), which lie in the mask and are not
        empty.
    """
    where = bounding_box(mask)
    thin = np.pad(mask[where], 1)
    changed = True
    while changed:
        before = thin.copy()
        for first in (True, False):
            thin[_removable(thin, first)] = False
        changed = (thin != before).any()
        if not thin.any():
            # A square of 2 x 2 pixels vanishes at once.
            thin = before
            break
    lines = np.zeros_like(mask)
    lines[where] = thin[1:-1, 1:-1]
    return lines


def _removable(thin: np.ndarray, first: bool) -> np.ndarray:
    """Find the border pixels that a half-step of thinning removes."""
    padded = np.pad(thin, 1)
    # From the north, clockwise.
    ring = np.stack([padded[1 + dy:padded.shape[0] - 1 + dy,
                            1 + dx:padded.shape[1] - 1 + dx]
                     for dy, dx in ((-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0),
                                    (1, -1), (0, -1), (-1, -1))])
    count = ring.sum(axis=0)
    steps = (~ring & np.roll(ring, -1, axis=0)).sum(axis=0)
    north, east, south, west = ring[::2]
    corner = (east & south & (north | west) if first
              else north & west & (east | south))
    return thin & (count >= 2) & (count <= 6) & (steps == 1) & ~corner


def _fixed(points: Sequence) -> np.ndarray:
    return np.rint(np.asarray(points) * 2**_FRACTION).astype(np.int32)
