"""Where prompts say that an object lies, in voxels of the volume."""

from dataclasses import dataclass
from typing import Dict, Optional, Protocol, Union

import numpy as np

from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.geometry.planes import SlicePlane

# Slice to its box: x0, y0, x1, y1 in pixels of the plane's slices.
SliceToBox = Dict[int, np.ndarray]


class Region(Protocol):
    """Gives each slice of any plane that it cuts a box."""

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """The boxes of a plane's slices."""


@dataclass(frozen=True)
class Cuboid:
    """A box along the volume's axes.

    Attributes:
        corners: (2, 3), voxel indices x, y, z of the lowest and the highest.
    """

    corners: np.ndarray

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """See :class:`Region`."""
        (x0, y0, z0), (x1, y1, z1) = _sorted(plane.to_slices(self.corners))
        box = np.array([x0, y0, x1, y1])
        return dict.fromkeys(range(round(z0), round(z1) + 1), box)


@dataclass(frozen=True)
class MaskRegion:
    """A mask, cropped.

    Attributes:
        mask: bool (d, h, w), a part of the volume.
        start: Voxel indices x, y, z of the part's first voxel.
        margin: Voxels that each side of a box is moved outwards.
    """

    mask: np.ndarray
    start: np.ndarray
    margin: float = 0.

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """See :class:`Region`; a slice without mask has none."""
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
        corners: (k, 2, 3), voxel indices of the boxes' corners, whose two
            lie on one slice.
    """

    corners: np.ndarray

    def boxes(self, plane: SlicePlane) -> SliceToBox:
        """Those of its plane, interpolated linearly in between."""
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
        corners: (2, 3), voxel indices of a box's corners.
        points: (P, 3), voxel indices.
        labels: (P,), 1 of the object, 0 of the background.
    """

    corners: Optional[np.ndarray] = None
    points: Optional[np.ndarray] = None
    labels: Optional[np.ndarray] = None

    def slice_index(self, plane: SlicePlane) -> int:
        """The slice of its plane."""
        marks = self.points if self.corners is None else self.corners
        return round(plane.to_slices(marks)[0, 2])

    def prompts(self, plane: SlicePlane) -> ImagePrompts:
        """The prompt of that slice."""
        if self.corners is not None:
            corners = _sorted(plane.to_slices(self.corners))
            return ImagePrompts(boxes=corners[:, :2].reshape(1, 4))
        points = plane.to_slices(self.points)[None, :, :2]
        return ImagePrompts(points=points, point_labels=self.labels[None])


@dataclass(frozen=True)
class VolumeObject:
    """An object that is asked for.

    Attributes:
        id: Of the result's label.
        name: Its name.
        place: Where it lies. Box stacks and seeds say so in one plane only.
    """

    id: int
    name: str
    place: Union[Cuboid, MaskRegion, BoxStack, Seed]


def _sorted(corners: np.ndarray) -> np.ndarray:
    """The lowest corner and the highest, (2, 3)."""
    return np.sort(corners, axis=0)
