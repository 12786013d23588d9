"""Reads and checks the coordinates of prompts, and turns mm into voxels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry

UNITS = ('px', 'mm')
# A fraction of a voxel: mm that become voxels carry rounding errors.
_ROUNDING = 1e-4


def numbers(values: Any, what: str, *shapes: Sequence[int]) -> np.ndarray:
    """Read finite numbers of one of the given shapes.

    Args:
        values: The numbers, as any nested sequence.
        what: The name of the values in messages.
        *shapes: The shapes allowed, in which -1 is any length > 0.

    Returns:
        np.ndarray: The numbers, float64.

    Raises:
        InputError: If the values are not numbers, not finite or of another
            shape.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f'{what}: expected numbers in rows of one length, '
                         f'found {values!r}') from error
    if not any(_fits(array, shape) for shape in shapes):
        wanted = ' or '.join(f'({_lengths(shape)})' for shape in shapes)
        raise InputError(f'{what}: expected numbers of shape {wanted}, found '
                         f'({_lengths(array.shape)})')
    if not np.isfinite(array).all():
        raise InputError(f'{what}: expected finite numbers, found '
                         f'{array.tolist()}')
    return array


def _fits(array: np.ndarray, shape: Sequence[int]) -> bool:
    return array.ndim == len(shape) and all(
        length > 0 and wanted in (-1, length)
        for wanted, length in zip(shape, array.shape, strict=True))


def _lengths(shape: Sequence[int]) -> str:
    return ', '.join('n' if length < 0 else str(length) for length in shape)


def check_upright(low: np.ndarray, high: np.ndarray, what: str) -> None:
    """Refuse a box whose first corner (2 or 3,) is not the lower one.

    Raises:
        InputError: If a first coordinate is greater than its second.
    """
    for axis, first, last in zip('xyz', low, high, strict=False):
        if first > last:
            raise InputError(f'{what}: expected {axis}0 <= {axis}1, found '
                             f'{first:g} and {last:g}')


def to_voxels(points: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Turn physical points, LPS in mm (..., 3), into voxel indices x, y, z.

    The indices are continuous: a point may lie between voxels' centres.
    """
    direction = np.array(geometry['direction']).reshape(3, 3)
    found = ((points - geometry['origin']) @ np.linalg.inv(direction).T
             / geometry['spacing'])
    # A point that is a voxel's centre on paper remains one.
    whole = np.rint(found)
    return np.where(np.abs(found - whole) < _ROUNDING, whole, found)


def check_inside(points: np.ndarray, geometry: Geometry, what: str
                 ) -> np.ndarray:
    """Refuse points outside the image, and move those on its rim inwards.

    Args:
        points: Voxel indices x, y, z, (..., 3).
        geometry: The image's grid.
        what: The name of the points in messages.

    Returns:
        np.ndarray: The points, (..., 3), moved to the outermost voxels'
        centres where they lay beyond them.

    Raises:
        InputError: If a point lies outside the image.
    """
    for i, axis in enumerate('xyz'):
        size = geometry['size'][i]
        outside = (points[..., i] < -0.5) | (points[..., i] > size - 0.5)
        if outside.any():
            raise InputError(
                f'{what}: expected {axis} within the image, voxels 0 to '
                f'{size - 1}, found {points[..., i][outside].flat[0]:g}')
    return points.clip(0, np.array(geometry['size']) - 1)
