"""Prompts' coordinates: read, checked, and from millimetres to voxels."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from mmdbsam.datasets.preparation.grids import Geometry
from mmdbsam.errors import InputError

UNITS = ('px', 'mm')
# Of a voxel; a length in mm comes back from voxels with rounding errors.
_ROUNDING = 1e-4


def numbers(values: Any, what: str, shape: Sequence[int]) -> np.ndarray:
    """Finite numbers of a shape, in which -1 fits any length.

    Raises:
        InputError: If they are not.
    """
    try:
        array = np.asarray(values, dtype=float)
    except (TypeError, ValueError) as error:
        raise InputError(f'{what}: expected numbers, found {values!r}'
                         ) from error
    if len(array.shape) != len(shape) or any(
            wanted not in (-1, found) for wanted, found
            in zip(shape, array.shape, strict=True)):
        wanted = ', '.join('n' if x < 0 else str(x) for x in shape)
        raise InputError(f'{what}: expected numbers of shape ({wanted}), '
                         f'found {array.shape}')
    if not np.isfinite(array).all():
        raise InputError(f'{what}: expected finite numbers, found '
                         f'{array.tolist()}')
    return array


def check_upright(low: np.ndarray, high: np.ndarray, what: str) -> None:
    """Refuse a box whose first corner (3,) is not the lower one.

    Raises:
        InputError: See above.
    """
    for axis, first, last in zip('xyz', low, high, strict=True):
        if first > last:
            raise InputError(f'{what}: expected {axis}0 <= {axis}1, found '
                             f'{first:g} and {last:g}')


def to_voxels(points: np.ndarray, geometry: Geometry) -> np.ndarray:
    """Physical points, LPS in mm (..., 3), as continuous indices x, y, z."""
    direction = np.array(geometry['direction']).reshape(3, 3)
    found = ((points - geometry['origin']) @ np.linalg.inv(direction).T
             / geometry['spacing'])
    # What is a voxel's centre on paper stays one.
    whole = np.rint(found)
    return np.where(np.abs(found - whole) < _ROUNDING, whole, found)


def check_inside(points: np.ndarray, geometry: Geometry, what: str
                 ) -> np.ndarray:
    """Points in voxels, those on the image's rim moved to its last centres.

    Args:
        points: (..., 3), x, y, z.

    Raises:
        InputError: If one lies outside the image.
    """
    for i, axis in enumerate('xyz'):
        size = geometry['size'][i]
        outside = (points[..., i] < -0.5) | (points[..., i] > size - 0.5)
        if outside.any():
            raise InputError(
                f'{what}: expected {axis} within the image, voxels 0 to '
                f'{size - 1}, found {points[..., i][outside].flat[0]:g}')
    return points.clip(0, np.array(geometry['size']) - 1)
