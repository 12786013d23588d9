"""The places where prompts say that objects lie, in the volume's voxels."""

from dataclasses import dataclass
from typing import Dict, Optional, Protocol, Union

import numpy as np

from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.apis.volume.propagation import Limit
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.geometry.planes import SlicePlane

# The box of each slice: x0, y0, x1, y1 in pixels of the plane's slices.
SliceToBox = Dict[int, np.ndarray]


class Region(Protocol):
    """A place that gives a box to each slice it cuts, in any plane."""

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """Return the boxes of a plane's slices."""


@dataclass(frozen=True)
class Cuboid:
    """A box along the volume's axes.

    Attributes:
        corners: The voxel indices x, y, z of the lowest corner and of the
            highest, (2, 3).
    """

    corners: np.ndarray

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """See :class:`Region`."""
        (x0, y0, z0), (x1, y1, z1) = _sorted(plane.to_slices(self.corners))
        box = np.array([x0, y0, x1, y1])
        return dict.fromkeys(range(round(z0), round(z1) + 1), box)


@dataclass(frozen=True)
class FollowedBox(Cuboid):
    """A box along the volume's axes, within which an object is followed."""

    def limit(self, plane: SlicePlane) -> Limit:
        """Return the box in a plane's slices."""
        boxes = self.boxes(plane)
        return Limit(min(boxes), max(boxes), boxes[min(boxes)])


@dataclass(frozen=True)
class MaskRegion:
    """A mask of a part of the volume.

    Attributes:
        mask: The mask, bool (d, h, w), of that part.
        start: The voxel indices x, y, z of the part's first voxel.
        margin: The number of voxels by which each side of a box is moved
            outwards.
    """

    mask: np.ndarray
    start: np.ndarray
    margin: float = 0.

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """See :class:`Region`. A slice without mask has no box."""
        slices = plane.slices(self.mask)
        stop = self.start + np.array(self.mask.shape[::-1]) - 1
        first, _ = _sorted(plane.to_slices(np.stack([self.start, stop])))
        shown = np.flatnonzero(slices.any(axis=(1, 2)))
        last = np.array(plane.size[:2] * 2) - 1
        boxes = (tight_boxes(slices[shown]) + [*first[:2]] * 2
                 + self.margin * np.array([-1, -1, 1, 1])).clip(0, last)
        return {int(first[2]) + int(z): box
                for z, box in zip(shown, boxes, strict=True)}


@dataclass(frozen=True)
class BoxStack:
    """Boxes on some slices of one plane.

    Attributes:
        corners: The voxel indices of the boxes' corners, (k, 2, 3); the two
            corners of a box lie on one slice.
    """

    corners: np.ndarray

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """Return the boxes, with linear interpolation between slices.

        Args:
            plane: The plane that the boxes are in.
        """
        corners = np.stack([_sorted(plane.to_slices(pair))
                            for pair in self.corners])
        corners = corners[corners[:, 0, 2].argsort()]
        known = corners[:, 0, 2]
        wanted = np.arange(round(known[0]), round(known[-1]) + 1)
        sides = corners[..., :2].reshape(-1, 4)
        boxes = np.stack([np.interp(wanted, known, side)
                          for side in sides.T], axis=1)
        return dict(zip(wanted.tolist(), boxes, strict=True))


@dataclass(frozen=True)
class Seed:
    """A prompt on one slice of one plane.

    Attributes:
        corners: The voxel indices of a box's corners, (2, 3).
        points: The voxel indices of P points, (P, 3).
        labels: The points' labels, (P,), 1 on the object and 0 on the
            background.
        mask: A rough mask of the slice, bool, as a volume (D, H, W) of the
            slice alone.
    """

    corners: Optional[np.ndarray] = None
    points: Optional[np.ndarray] = None
    labels: Optional[np.ndarray] = None
    mask: Optional[np.ndarray] = None

    @property
    def is_background(self) -> bool:
        """Whether nothing of the seed is on the object."""
        return self.corners is None and not (self.labels == 1).any()

    def slice_index(self, plane: SlicePlane) -> int:
        """Return the index of the seed's slice in its plane."""
        marks = self.points if self.corners is None else self.corners
        return round(plane.to_slices(marks)[0, 2])

    def prompts(self, plane: SlicePlane) -> ImagePrompts:
        """Return the prompt of the seed's slice in its plane."""
        boxes = points = labels = None
        if self.corners is not None:
            corners = _sorted(plane.to_slices(self.corners))
            boxes = corners[:, :2].reshape(1, 4)
        if self.points is not None:
            points = plane.to_slices(self.points)[None, :, :2]
            labels = self.labels[None]
        mask = None if self.mask is None else plane.slices(self.mask)
        return ImagePrompts(boxes, points, labels, mask)


ObjectPlace = Union[Cuboid, MaskRegion, BoxStack, Seed]


@dataclass(frozen=True)
class VolumeObject:
    """An object that is asked for.

    Attributes:
        id: The object's id in the resulting label volume.
        name: The object's name.
        place: The place where the object lies, which box stacks and seeds
            give in one plane only.
    """

    id: int
    name: str
    place: ObjectPlace


def _sorted(corners: np.ndarray) -> np.ndarray:
    """Return the lowest corner and the highest, (2, 3)."""
    return np.sort(corners, axis=0)
