"""A volume with the objects in it, as slices to look at."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import cv2
import numpy as np
from scipy.ndimage import find_objects

from mmdbsam.visualization.contact_sheet import TILE_SIDE, draw_prompts

# A margin lets one see where in the body the objects are. It is this part of
# their extent on each side, and the view is at least this part of the image.
_MARGIN, _LEAST_VIEW = 0.2, 0.4


class ShownSlice(NamedTuple):
    """The part of a slice that is shown, with square pixels.

    Attributes:
        image: The image, uint8 (h, w, 3).
        ids: The ids of the K objects that have a mask, a box or a point here.
        masks: The masks of the objects, bool (K, h, w).
        boxes: The boxes of the objects, float (K, 4), as x0, y0, x1, y1 in
            inclusive pixel indices; NaN for an object without a box.
        points: K arrays (P, 3) of x, y, and 1 for a point of the object or 0
            for a point of its background.
    """

    image: np.ndarray
    ids: list[int]
    masks: np.ndarray
    boxes: np.ndarray
    points: list[np.ndarray]

    def draw(self, side: int = TILE_SIDE) -> np.ndarray:
        """See :func:`.draw_prompts`."""
        return draw_prompts(self.image, self.boxes, self.ids, self.masks,
                            self.points, side)


@dataclass(frozen=True)
class VolumeView:
    """Slices of a volume, and what is shown on them.

    Attributes:
        image: The volume as one looks at it, uint8 (D, H, W), or (D, H, W, 3)
            for RGB.
        names: The name of each object by its id.
        masks: The mask of each object by its id, bool (D, H, W).
        spacing: The distances (x, y) of neighbouring pixels, in any unit.
        numbers: The numbers by which the D slices are called.
        boxes: The boxes of each object by its id, each by the index of its
            slice, as x0, y0, x1, y1 in inclusive pixel indices.
        points: The points of each object by its id, each array (P, 3) by the
            index of its slice, as :class:`ShownSlice` has them.
    """

    image: np.ndarray
    names: Mapping[int, str]
    masks: Mapping[int, np.ndarray]
    spacing: tuple[float, float]
    numbers: Sequence[int]
    boxes: Mapping[int, Mapping[int, Sequence[float]]] = field(
        default_factory=dict)
    points: Mapping[int, Mapping[int, np.ndarray]] = field(
        default_factory=dict)

    @property
    def indices(self) -> range:
        """The slices from the first to the last on which something lies.

        If there is nothing, these are all slices.
        """
        low, high = self._extent[0]
        return range(int(low), int(high) + 1)

    @property
    def prompted(self) -> list[int]:
        """The slices with a box or a point."""
        return sorted({index for shown in (self.boxes, self.points)
                       for slices in shown.values() for index in slices})

    def shown(self, index: int) -> ShownSlice:
        """Return what there is to see on the slice of an index."""
        rows, columns = self._view
        image = self.image[index, rows, columns]
        finest = min(self.spacing)
        size = [max(1, round(image.shape[1 - i] * self.spacing[i] / finest))
                for i in (0, 1)]
        scale = np.divide(size, image.shape[1::-1])
        ids, masks, boxes, points = [], [], [], []
        for label_id, mask in self.masks.items():
            part = mask[index, rows, columns]
            box = self.boxes.get(label_id, {}).get(index)
            own = self.points.get(label_id, {}).get(index)
            if not part.any() and box is None and own is None:
                continue
            ids.append(label_id)
            masks.append(_resize(part.view(np.uint8), size,
                                 cv2.INTER_NEAREST) > 0)
            corners = np.full(4, np.nan) if box is None else np.array(box)
            boxes.append(self._moved(corners.reshape(2, 2), scale).ravel())
            own = np.zeros((0, 3)) if own is None else np.array(own, float)
            own[:, :2] = self._moved(own[:, :2], scale)
            points.append(own)
        image = _resize(image, size, cv2.INTER_LINEAR)
        if image.ndim == 2:
            image = np.repeat(image[..., None], 3, axis=2)
        return ShownSlice(image, ids,
                          np.array(masks, bool).reshape(-1, *size[::-1]),
                          np.array(boxes).reshape(-1, 4), points)

    def _moved(self, points: np.ndarray, scale: np.ndarray) -> np.ndarray:
        """Move points x, y from the slice's pixels to those that are shown."""
        rows, columns = self._view
        return (points - (columns.start, rows.start) + 0.5) * scale - 0.5

    @cached_property
    def _extent(self) -> np.ndarray:
        """The lowest and highest slice, row and column shown, as (3, 2)."""
        corners = []
        for mask in self.masks.values():
            for found in find_objects(mask.view(np.uint8)):
                corners += [[part.start for part in found],
                            [part.stop - 1 for part in found]]
        for boxes in self.boxes.values():
            for index, (x0, y0, x1, y1) in boxes.items():
                corners += [[index, y0, x0], [index, y1, x1]]
        for points in self.points.values():
            for index, own in points.items():
                corners += [[index, y, x] for x, y, _ in own]
        corners = corners or [[0, 0, 0], np.subtract(self.image.shape[:3], 1)]
        return np.stack([np.min(corners, axis=0), np.max(corners, axis=0)], 1)

    @cached_property
    def _view(self) -> tuple[slice, slice]:
        """The rows and columns of a square around all that is shown."""
        lengths = np.array(self.image.shape[1:3])
        # As pixels need not be square, the view is made square in their unit.
        pixel = np.array(self.spacing[::-1])
        low, high = self._extent[1:].T
        side = max(((1 + 2 * _MARGIN) * (high - low) * pixel).max(),
                   (_LEAST_VIEW * lengths * pixel).max())
        wanted = np.minimum(np.rint(side / pixel), lengths).astype(int)
        start = np.rint((low + high + 1 - wanted) / 2).astype(int).clip(
            0, lengths - wanted)
        rows, columns = map(slice, start, start + wanted)
        return rows, columns


def _resize(image: np.ndarray, size: Sequence[int],
            interpolation: int) -> np.ndarray:
    return cv2.resize(np.ascontiguousarray(image), size,
                      interpolation=interpolation)
