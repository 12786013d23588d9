"""What says where an object lies in a volume.

Coordinates are voxel indices (x, y, z) in the order of SimpleITK, the centre
of the first voxel being 0; or millimetres in the scanner's space, the physical
points of SimpleITK (LPS). Boxes are the inclusive indices of their outermost
voxels, as those of ``tools/test.py``.

A prompt on slices counts them along the volume's own axis that the slices are
stacked on: z for axial slices of a volume that was stored so. Its boxes and
points are in the other two axes, in their order: (x, y) there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Union

import numpy as np
import SimpleITK as sitk


@dataclass(frozen=True)
class VolumeBox:
    """One 3-D box; every slice that it cuts is prompted by its side.

    Attributes:
        box: x0, y0, z0, x1, y1, z1: the lowest corner and the highest. In mm
            any two opposite corners; the box lies along the volume's axes.
    """

    box: Sequence[float]


@dataclass(frozen=True)
class SliceBoxes:
    """Boxes on some slices; between them they are interpolated linearly.

    Attributes:
        boxes: Slice to its box, x0, y0, x1, y1.
    """

    boxes: Mapping[float, Sequence[float]]


@dataclass(frozen=True)
class SeedBox:
    """A box on one slice, from which the object is followed both ways.

    Attributes:
        z: The slice.
        box: x0, y0, x1, y1.
    """

    z: float
    box: Sequence[float]


@dataclass(frozen=True)
class SeedPoint:
    """Points on one slice, from which the object is followed both ways.

    Attributes:
        z: The slice.
        points: x, y, or several of them, (P, 2).
        labels: P labels, 1 for a point of the object and 0 for one of the
            background; None if all are of the object.
    """

    z: float
    points: Sequence
    labels: Sequence[int] | None = None


@dataclass(frozen=True)
class CoarseLabels:
    """A rough label volume; each label's box in each slice is a prompt.

    An object for each label, with the label's id if there are no other
    prompts.

    Attributes:
        labels: On the grid of the volume: a path, an array (D, H, W), or an
            image of SimpleITK.
        margin: Voxels that every side of a box is moved outwards.
    """

    labels: Union[str, Path, np.ndarray, sitk.Image]
    margin: float = 0.


VolumePrompt = Union[VolumeBox, SliceBoxes, SeedBox, SeedPoint, CoarseLabels]
