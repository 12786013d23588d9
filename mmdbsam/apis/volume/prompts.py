"""The prompts that say where an object lies in a volume.

Coordinates are voxel indices (x, y, z) in SimpleITK's order, where 0 is the
centre of the first voxel; or millimetres in the scanner's space, which are
SimpleITK's physical points (LPS). Boxes hold the inclusive indices of their
outermost voxels, as those of ``tools/test.py`` do.

A prompt on slices counts them along the volume's own axis on which the slices
are stacked. Its boxes and points are in the other two axes, in their order.
For axial slices of a volume that is stored axially, slices are counted along
z, and coordinates are (x, y).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class VolumeBox:
    """A 3-D box, within which the object is followed from slice to slice.

    Attributes:
        box: The lowest corner and the highest, x0, y0, z0, x1, y1, z1. In mm,
            any two opposite corners will do; the box lies along the volume's
            axes.
        each_slice: Whether the box's outline prompts each slice that it cuts
            instead.
    """

    box: Sequence[float]
    each_slice: bool = False


@dataclass(frozen=True)
class SliceBoxes:
    """Boxes on some slices, with linear interpolation between them.

    Attributes:
        boxes: The box of each slice, x0, y0, x1, y1, by the slice.
    """

    boxes: Mapping[float, Sequence[float]]


@dataclass(frozen=True)
class SeedBox:
    """A box on one slice, from which the object is followed both ways.

    Attributes:
        z: The slice.
        box: The box, x0, y0, x1, y1.
    """

    z: float
    box: Sequence[float]


@dataclass(frozen=True)
class SeedPoint:
    """Points on one slice, from which the object is followed both ways.

    Attributes:
        z: The slice.
        points: One point x, y, or several of them, (P, 2).
        labels: The points' P labels, 1 on the object and 0 on the background.
            None means that all points are on the object.
    """

    z: float
    points: Sequence
    labels: Sequence[int] | None = None


@dataclass(frozen=True)
class Scribble:
    """A stroke on one slice, from which the object is followed both ways.

    The model gets points along the stroke's skeleton and, for a stroke on the
    object, the stroke as a rough mask.

    Attributes:
        z: The slice.
        drawn: The stroke: its path, x, y, (P, 2), or its pixels, bool, with
            the two other axes of the volume as columns and rows, such as
            (H, W) for an axial slice.
        is_object: Whether the stroke is on the object, and not on its
            background.
    """

    z: float
    drawn: Sequence
    is_object: bool = True


@dataclass(frozen=True)
class Lasso:
    """A closed line about the object on one slice, from which it is followed.

    The model gets the area within the line as a rough mask, with its box.

    Attributes:
        z: The slice.
        drawn: The line's corners, x, y, (P, 2), or the area within it, bool,
            as that of a :class:`Scribble`.
    """

    z: float
    drawn: Sequence


@dataclass(frozen=True)
class CoarseLabels:
    """A rough label volume, whose boxes in each slice are the prompts.

    Each label becomes an object, which keeps the label's id if there are no
    other prompts.

    Attributes:
        labels: The labels on the grid of the volume, as a path, an array
            (D, H, W), or a SimpleITK image.
        margin: The number of voxels by which each side of a box is moved
            outwards.
    """

    labels: Union[str, Path, np.ndarray, sitk.Image]
    margin: float = 0.


VolumePrompt = Union[VolumeBox, SliceBoxes, SeedBox, SeedPoint, Scribble,
                     Lasso, CoarseLabels]
