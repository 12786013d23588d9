"""The two scores of medical segmentation: DSC and NSD."""

from typing import Optional, Sequence, Tuple

import numpy as np
from scipy import ndimage
from scipy.spatial import KDTree
from surface_distance import lookup_tables

# Distances are sums of products of floats: one that equals the tolerance on
# paper must not fall outside it by rounding.
ROUNDING_MM = 1e-6


def bounding_box(mask: np.ndarray) -> Optional[Tuple[slice, ...]]:
    """The smallest index box that holds every true pixel.

    Args:
        mask: bool, any number of dimensions.

    Returns:
        tuple[slice, ...] or None: One slice an axis; None for an empty mask.
    """
    box = []
    for axis in range(mask.ndim):
        others = tuple(i for i in range(mask.ndim) if i != axis)
        hits = np.flatnonzero(mask.any(axis=others))
        if hits.size == 0:
            return None
        box.append(slice(int(hits[0]), int(hits[-1]) + 1))
    return tuple(box)


def dice(reference: np.ndarray, prediction: np.ndarray) -> float:
    """Dice similarity coefficient, ``2 |A and B| / (|A| + |B|)``.

    Args:
        reference: bool, any shape.
        prediction: bool, the same shape.

    Returns:
        float: In [0, 1]; 1 if both masks are empty.

    Raises:
        ValueError: If the shapes differ.
    """
    _require_same_shape(reference, prediction)
    total = np.count_nonzero(reference) + np.count_nonzero(prediction)
    if total == 0:
        return 1.0
    return 2 * np.count_nonzero(reference & prediction) / total


def normalized_surface_dice(reference: np.ndarray, prediction: np.ndarray,
                            spacing: Sequence[float],
                            tolerance: float) -> float:
    """Normalised surface Dice (Nikolov et al., arXiv:1809.04430).

    The share of both surfaces that lies within ``tolerance`` of the other.
    Surface elements, their areas and positions are those of DeepMind's
    ``surface_distance``, whose tables it reads: an element sits at each
    corner of the pixel grid where inside meets outside, and the array's
    border is a surface. The distances come from a k-d tree of the elements,
    not from a distance map of the volume, as only those up to the tolerance
    matter. The package's own functions are not called: they sort every
    distance in Python and, with NumPy 2, crash on an empty mask
    (``np.Inf`` is gone).

    Args:
        reference: bool (D, H, W) or (H, W).
        prediction: bool, the same shape.
        spacing: mm per pixel along each axis, in the arrays' order.
        tolerance: mm, inclusive.

    Returns:
        float: In [0, 1]; 1 if both masks are empty, 0 if one is.

    Raises:
        ValueError: If the shapes differ, or ``spacing`` does not have one
            number an axis.
    """
    _require_same_shape(reference, prediction)
    if len(spacing) != reference.ndim:
        raise ValueError(f'spacing: expected {reference.ndim} numbers, '
                         f'found {len(spacing)}')
    if not reference.any() or not prediction.any():
        return float(not reference.any() and not prediction.any())
    points_a, areas_a = _surface(reference, spacing)
    points_b, areas_b = _surface(prediction, spacing)
    matched = (areas_a[_near(points_a, points_b, tolerance)].sum() +
               areas_b[_near(points_b, points_a, tolerance)].sum())
    return float(matched / (areas_a.sum() + areas_b.sum()))


def _surface(mask: np.ndarray, spacing: Sequence[float]
             ) -> Tuple[np.ndarray, np.ndarray]:
    """Positions in mm, (n, ndim), and areas, (n,), of surface elements."""
    if mask.ndim == 2:
        kernel = lookup_tables.ENCODE_NEIGHBOURHOOD_2D_KERNEL
        table = lookup_tables.create_table_neighbour_code_to_contour_length(
            spacing)
    else:
        kernel = lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL
        table = lookup_tables.create_table_neighbour_code_to_surface_area(
            spacing)
    box = bounding_box(mask)
    # An element lies before the first pixel and after the last one: the
    # correlation gives the former by itself, one pixel of padding the latter.
    cropped = np.pad(mask[box], (0, 1)).astype(np.uint8)
    codes = ndimage.correlate(cropped, kernel, mode='constant')
    index = np.nonzero((codes != 0) & (codes != len(table) - 1))
    corner = [axis.start for axis in box]
    points = (np.stack(index, axis=1) + corner) * np.asarray(spacing)
    return points, table[codes[index]]


def _near(points: np.ndarray, others: np.ndarray,
          tolerance: float) -> np.ndarray:
    """Which points have one of the others within the tolerance, bool (n,)."""
    reach = tolerance + ROUNDING_MM
    # A failed prediction has millions of elements, most of them far away.
    near = _around(points, others, reach)
    # On a grid, halving space serves as well as halving the points, and
    # builds the tree faster.
    tree = KDTree(others[_around(others, points, reach)], balanced_tree=False)
    distance, _ = tree.query(points[near], distance_upper_bound=reach)
    near[near] = np.isfinite(distance)
    return near


def _around(points: np.ndarray, others: np.ndarray,
            reach: float) -> np.ndarray:
    """Which points lie in the others' bounding box plus reach, bool (n,)."""
    low, high = others.min(axis=0) - reach, others.max(axis=0) + reach
    return ((points >= low) & (points <= high)).all(axis=1)


def _require_same_shape(reference: np.ndarray, prediction: np.ndarray) -> None:
    if reference.shape != prediction.shape:
        raise ValueError('reference and prediction differ in shape: '
                         f'{reference.shape} and {prediction.shape}')
