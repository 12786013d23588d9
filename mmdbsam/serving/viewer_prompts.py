"""Turns what users draw in a viewer into prompts.

A viewer's plug-in names voxels by the axes of its array. Here the last axis is
x and the first z, so that the slices along the axes 0, 1 and 2 are axial,
coronal and sagittal ones of a volume that lies straight.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.ndimage import binary_fill_holes

from mmdbsam.apis.volume.prompts import (
    Lasso,
    Scribble,
    SeedBox,
    SeedPoint,
    VolumeBox,
    VolumePrompt,
)
from mmdbsam.serving.refusals import Refusal

#: The planes of the slices along the axes 0, 1 and 2.
PLANES = ('axial', 'coronal', 'sagittal')

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Interaction:
    """What a user drew.

    Attributes:
        prompt: Makes the prompt of a session whose slices are along an axis.
        axes: The axes along which the drawing lies within a slice; all if the
            prompt suits any.
    """

    prompt: Callable[[int], VolumePrompt]
    axes: tuple[int, ...] = (0, 1, 2)

    def axis(self, *wanted: int) -> int:
        """Return the first of some axes that suits, or else any that does."""
        return next((axis for axis in wanted if axis in self.axes),
                    self.axes[0])


def point(coordinates: Any, is_object: bool, shape: Shape) -> Interaction:
    """Read a click.

    Args:
        coordinates: The voxel along the array's three axes.
        is_object: Whether it is on the object, and not on its background.
        shape: The shape of the image.

    Raises:
        Refusal: If it is no voxel of the image.
    """
    place = np.rint(_numbers(coordinates, (3, ), 'coordinates')).astype(int)
    if (place < 0).any() or (place >= shape).any():
        raise Refusal(400, f'coordinates: expected a voxel of {shape}, found '
                           f'{place.tolist()}')
    return Interaction(lambda axis: SeedPoint(
        int(place[axis]), [[int(place[i]) for i in _flat(axis)]],
        [int(is_object)]))


def box(sides: Any, is_object: bool, shape: Shape) -> Interaction:
    """Read a box, which lies within a slice or holds several.

    Args:
        sides: The first voxel along each axis and the one after the last,
            [[a, b], [c, d], [e, f]].
        is_object: Whether it holds the object, and not its background.
        shape: The shape of the image.

    Raises:
        Refusal: If nothing of the image is in it, or if it is about the
            background of several slices.
    """
    start, stop = np.rint(np.sort(_numbers(sides, (3, 2), 'bbox_coords'))).T
    # A side that is thinner than a voxel is one.
    last = np.minimum(np.maximum(stop, start + 1), shape).astype(int) - 1
    start = np.maximum(start, 0).astype(int)
    if (start > last).any():
        raise Refusal(400, f'bbox_coords: expected a box in {shape}, found '
                           f'{np.stack([start, last + 1], 1).tolist()}')
    axes = tuple(np.flatnonzero(start == last).tolist())
    if not axes:
        if not is_object:
            raise Refusal(400, 'bbox_coords: expected a box within a slice '
                               'for the background, found one of several')
        corners = [*start[::-1].tolist(), *last[::-1].tolist()]
        return Interaction(lambda axis: VolumeBox(corners))
    if not is_object:
        area = np.ones(last - start + 1, bool)
        return _background(area, start, shape, axes)

    def prompt(axis: int) -> SeedBox:
        flat = _flat(axis)
        return SeedBox(int(start[axis]), [
            *start[flat].tolist(), *last[flat].tolist()])

    return Interaction(prompt, axes)


def scribble(drawn: np.ndarray, start: Sequence[int], is_object: bool,
             shape: Shape) -> Interaction:
    """Read a stroke.

    Args:
        drawn: The stroke, bool, in a part of the image.
        start: The part's first voxel.
        is_object: Whether it is on the object, and not on its background.
        shape: The shape of the image.

    Raises:
        Refusal: If it is empty, or not within a slice.
    """
    axes = _axes_of(drawn)
    if not is_object:
        return _background(drawn, start, shape, axes)
    return Interaction(lambda axis: Scribble(
        *_slice(drawn, start, shape, axis)), axes)


def lasso(drawn: np.ndarray, start: Sequence[int], is_object: bool,
          shape: Shape) -> Interaction:
    """Read a closed line, or the area within it.

    The arguments are those of :func:`scribble`. An area on the background is
    taken as a broad stroke.

    Raises:
        Refusal: If it is empty, or not within a slice.
    """
    axes = _axes_of(drawn)

    def filled(axis: int) -> tuple[int, np.ndarray]:
        index, area = _slice(drawn, start, shape, axis)
        return index, binary_fill_holes(area)

    if is_object:
        return Interaction(lambda axis: Lasso(*filled(axis)), axes)
    return Interaction(lambda axis: Scribble(*filled(axis), is_object=False),
                       axes)


def part_of(drawn: np.ndarray, sides: Any, shape: Shape) -> list[int]:
    """Return the first voxel of a drawing that is a part of the image.

    Args:
        drawn: The drawing.
        sides: The box that the part is in, as that of :func:`box`; None if
            the drawing is as large as the image.
        shape: The shape of the image.

    Raises:
        Refusal: If the drawing is of another size, or not in the image.
    """
    if sides is None:
        sides = [[0, size] for size in shape]
    start, stop = _numbers(sides, (3, 2), 'interaction_bbox').astype(int).T
    if (start < 0).any() or (stop > shape).any() or (
            tuple(stop - start) != drawn.shape):
        raise Refusal(400, f'array: expected a drawing in {shape}, found '
                           f'{drawn.shape} at {start.tolist()}')
    return start.tolist()


def _background(drawn: np.ndarray, start: Sequence[int], shape: Shape,
                axes: tuple[int, ...]) -> Interaction:
    return Interaction(lambda axis: Scribble(
        *_slice(drawn, start, shape, axis), is_object=False), axes)


def _axes_of(drawn: np.ndarray) -> tuple[int, ...]:
    """Find the axes along which a drawing lies within a slice."""
    marks = np.nonzero(drawn)
    if not len(marks[0]):
        raise Refusal(400, 'array: expected a drawing, found an empty one')
    axes = tuple(axis for axis, places in enumerate(marks)
                 if places.min() == places.max())
    if not axes:
        raise Refusal(400, 'array: expected a drawing within a slice, found '
                           'one in several')
    return axes


def _slice(drawn: np.ndarray, start: Sequence[int], shape: Shape, axis: int
           ) -> tuple[int, np.ndarray]:
    """Return a drawing's slice, and its pixels there."""
    index = int(np.nonzero(drawn)[axis][0])
    rows, columns = (i for i in range(3) if i != axis)
    pixels = np.zeros((shape[rows], shape[columns]), bool)
    part = np.take(drawn, index, axis)
    pixels[start[rows]:start[rows] + part.shape[0],
           start[columns]:start[columns] + part.shape[1]] = part
    return int(start[axis]) + index, pixels


def _flat(axis: int) -> list[int]:
    """The array's axes within a slice, x before y before z."""
    return [i for i in (2, 1, 0) if i != axis]


def _numbers(found: Any, shape: Shape, what: str) -> np.ndarray:
    """Read finite numbers of a shape.

    Raises:
        Refusal: If they are anything else.
    """
    try:
        numbers = np.array(found, float)
        is_fine = numbers.shape == shape and (abs(numbers) < 2**31).all()
    except (ValueError, TypeError, OverflowError, RecursionError):
        is_fine = False
    if not is_fine:
        raise Refusal(400, f'{what}: expected {" x ".join(map(str, shape))} '
                           f'numbers, found {str(found)[:100]}')
    return numbers
