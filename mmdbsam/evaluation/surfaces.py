"""Finds the surface elements of masks, and the distances between surfaces.

Elements, areas and distances are those of DeepMind's ``surface_distance``
(Nikolov et al., arXiv:1809.04430), whose tables are read here: an element sits
at each corner of the voxel grid where inside meets outside, and the array's
border is a surface. The functions of that package are not called, as they sort
every distance in Python and, with NumPy 2, crash on an empty mask (they use
``np.Inf``, which is gone).
"""

from dataclasses import dataclass
from typing import Sequence

import numba
import numpy as np
from surface_distance import lookup_tables


@dataclass(frozen=True)
class SurfaceDistances:
    """The distances of two surfaces' elements from the other surface.

    An empty surface has no elements, and those of the other surface are
    infinitely far from it.

    Attributes:
        reference: The distances of the reference's elements, float (n,), in
            the unit of the spacing.
        prediction: The distances of the prediction's elements, float (m,).
        reference_areas: The areas of the reference's elements, float (n,), or
            their lengths in 2-D.
        prediction_areas: The areas, or lengths, of the prediction's elements,
            float (m,).
    """

    reference: np.ndarray
    prediction: np.ndarray
    reference_areas: np.ndarray
    prediction_areas: np.ndarray


def surface_distances(reference: np.ndarray, prediction: np.ndarray,
                      spacing: Sequence[float]) -> SurfaceDistances:
    """Measure the distances between the surfaces of two masks.

    Args:
        reference: The reference, bool (D, H, W) or (H, W).
        prediction: The prediction, bool, of the same shape.
        spacing: The spacing of the pixels along each axis, in the arrays'
            order.

    Returns:
        SurfaceDistances: The distances, in the order of the elements'
        positions.
    """
    codes = [_neighbourhood_codes(m) for m in (reference, prediction)]
    table = _area_table(spacing)
    surfaces = [(code != 0) & (code != len(table) - 1) for code in codes]
    areas = [table[code[on]] for code, on in zip(codes, surfaces, strict=True)]
    to_reference, to_prediction = (
        _distance_map(surface, spacing) for surface in surfaces)
    return SurfaceDistances(to_prediction[surfaces[0]],
                            to_reference[surfaces[1]], *areas)


def _neighbourhood_codes(mask: np.ndarray) -> np.ndarray:
    """Encode which pixels around each corner of the grid are inside.

    Returns:
        np.ndarray: The codes, uint8, with a bit for each pixel. The array is
        longer by one along each axis than the mask.
    """
    kernel = (lookup_tables.ENCODE_NEIGHBOURHOOD_2D_KERNEL if mask.ndim == 2
              else lookup_tables.ENCODE_NEIGHBOURHOOD_3D_KERNEL)
    padded = np.pad(mask, 1).view(np.uint8)
    codes = np.zeros([side + 1 for side in mask.shape], np.uint8)
    for offset in np.ndindex(kernel.shape):
        window = tuple(slice(start, start + side)
                       for start, side in zip(offset, codes.shape,
                                              strict=True))
        codes |= padded[window] * np.uint8(kernel[offset])
    return codes


def _area_table(spacing: Sequence[float]) -> np.ndarray:
    """Look up the area of the surface in a neighbourhood, by its code."""
    if len(spacing) == 2:
        return lookup_tables.create_table_neighbour_code_to_contour_length(
            spacing)
    return lookup_tables.create_table_neighbour_code_to_surface_area(spacing)


def _distance_map(surface: np.ndarray,
                  spacing: Sequence[float]) -> np.ndarray:
    """Compute the exact distance of every position from a surface, float64.

    It is computed axis by axis, as by Felzenszwalb and Huttenlocher (2012).
    The map of scipy is the same, but takes three to ten times as long. A k-d
    tree of the elements is as fast for a good prediction, but takes minutes
    for one that fills the scan.
    """
    *_, height, width = surface.shape
    volume = surface.reshape(-1, height, width)
    squared = np.empty(volume.shape)
    for order in (slice(None), slice(None, None, -1)):
        step = np.full((height, width), np.inf)
        for on, found in zip(volume[order], squared[order], strict=True):
            step += 1
            step[on] = 0
            found[:] = step if order.step is None else np.minimum(found, step)
    if surface.ndim == 3:
        squared *= spacing[0]
    squared **= 2
    _add_rows_and_columns(squared, *map(float, spacing[-2:]))
    return np.sqrt(squared).reshape(surface.shape)


@numba.njit(nogil=True, cache=True, error_model='numpy')
def _add_rows_and_columns(squared: np.ndarray, row_spacing: float,
                          column_spacing: float) -> None:
    """Add the rows and columns to squared distances across the slices.

    Args:
        squared: The squared distances along the first axis, (D, H, W), which
            become those along all axes in place.
        row_spacing: The spacing of the rows.
        column_spacing: The spacing of the columns.
    """
    depth, height, width = squared.shape
    length = max(height, width)
    apex, low = np.empty(length, np.int64), np.empty(length)
    begin = np.empty(length)
    for z in range(depth):
        for x in range(width):
            _lower_envelope(squared[z, :, x], row_spacing, apex, low, begin)
        for y in range(height):
            _lower_envelope(squared[z, y], column_spacing, apex, low, begin)


@numba.njit(nogil=True, cache=True, error_model='numpy')
def _lower_envelope(line: np.ndarray, spacing: float, apex: np.ndarray,
                    low: np.ndarray, begin: np.ndarray) -> None:
    """Replace f(p) by min over q of f(q) + (spacing (p - q))^2, in place.

    Args:
        line: The values of f, (n,).
        spacing: The spacing of the pixels.
        apex: A buffer, int64 (n,), for the q of the envelope's parabolas.
        low: A buffer, float64 (n,), for the f(q) of these parabolas.
        begin: A buffer, float64 (n,), for the places where they begin.
    """
    last = -1
    for q in range(len(line)):
        if line[q] == np.inf:
            continue
        start = -np.inf
        while last >= 0:
            start = ((line[q] - low[last]) / spacing**2 / (q - apex[last])
                     + q + apex[last]) / 2
            if start > begin[last]:
                break
            last -= 1
        last += 1
        apex[last], low[last] = q, line[q]
        begin[last] = start if last > 0 else -np.inf
    k = 0
    for p in range(len(line) if last >= 0 else 0):
        while k < last and begin[k + 1] < p:
            k += 1
        line[p] = low[k] + ((p - apex[k]) * spacing)**2
