"""From a user's prompts of an image in a plane to those of the model."""

from collections.abc import Sequence
from typing import Any, Optional

import numpy as np

from mmdbsam.apis.coordinates import (
    check_inside,
    check_upright,
    numbers,
    to_voxels,
)
from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.locator import check_units, point_labels
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.geometry.planes import SlicePlane


class PromptReader:
    """Reads prompts of a scan that has one slice.

    Args:
        scan: The scan.
        plane: That of its slice.
    """

    def __init__(self, scan: Scan, plane: SlicePlane) -> None:
        self.scan = scan
        self.plane = plane
        # The scan's axes, of x, y, z, that columns and rows run along as the
        # image is stored.
        self.flat = sorted(plane.axes[:2])
        self.through = plane.axes[2]

    def read(self, boxes: Optional[Sequence], points: Optional[Sequence],
             labels: Optional[Sequence], masks: Any, units: str
             ) -> ImagePrompts:
        """Prompts of n objects; see :meth:`.PromptInferencer.segment`.

        Raises:
            InputError: If there is none, or one is not usable.
        """
        check_units(units, self.scan)
        if labels is not None and points is None:
            raise InputError('point_labels: expected points too, found none')
        found = dict(
            boxes=None if boxes is None else self._boxes(boxes, units),
            points=None if points is None else self._points(points, units),
            masks=None if masks is None else self._masks(masks))
        counts = {name: len(values) for name, values in found.items()
                  if values is not None}
        if not counts:
            raise InputError('prompts: expected boxes, points or masks of at '
                             'least one object, found none')
        if len(set(counts.values())) > 1:
            raise InputError(
                'prompts: expected boxes, points and masks of the same '
                'objects, found ' + ', '.join(
                    f'{count} {name}' for name, count in counts.items()))
        if points is not None:
            shape = found['points'].shape[:2]
            found['point_labels'] = point_labels(labels, shape,
                                                 'point_labels')
        elif boxes is None:
            # Models that were trained with boxes know nothing else.
            found['boxes'] = tight_boxes(found['masks']).astype(float)
        return ImagePrompts(**found)

    def as_stored(self, images: np.ndarray) -> np.ndarray:
        """Images (..., h, w) of the model's slice, as the scan is stored."""
        shape = images.shape[:-2]
        sides = self.scan.geometry['size']
        stored = np.empty((int(np.prod(shape)), *reversed(sides)),
                          images.dtype)
        for image, target in zip(images.reshape(-1, *images.shape[-2:]),
                                 stored, strict=True):
            self.plane.slices(target)[0] = image
        return stored.squeeze(3 - self.through).reshape(
            *shape, *(sides[axis] for axis in reversed(self.flat)))

    def _boxes(self, boxes: Sequence, units: str) -> np.ndarray:
        """(n, 4) in pixels of the slice as the model sees it."""
        wanted = [(4, ), (-1, 4)] + [(6, ), (-1, 6)] * (units == 'mm')
        sides = np.atleast_2d(numbers(boxes, 'boxes', *wanted))
        corners = sides.reshape(len(sides), 2, -1)
        placed = self._placed(corners, 'boxes', units)
        if units == 'mm':
            placed.sort(axis=1)
        for low, high in placed:
            check_upright(low[self.flat], high[self.flat], 'boxes')
        seen = self._seen(placed, 'boxes')
        return np.sort(seen, axis=1).reshape(-1, 4)

    def _points(self, points: Sequence, units: str) -> np.ndarray:
        """(n, P, 2), likewise."""
        wanted = [(-1, 2), (-1, -1, 2)] + [(-1, 3), (-1, -1, 3)] * (
            units == 'mm')
        found = numbers(points, 'points', *wanted)
        found = found[None] if found.ndim == 2 else found
        return self._seen(self._placed(found, 'points', units), 'points')

    def _placed(self, points: np.ndarray, what: str, units: str
                ) -> np.ndarray:
        """(..., 2 or 3) as voxel indices (..., 3)."""
        placed = np.zeros((*points.shape[:-1], 3))
        if units == 'px':
            placed[..., self.flat] = points
            return placed
        if points.shape[-1] == 2:
            normal = self.scan.geometry['direction'][2::3]
            if self.through != 2 or not np.allclose(np.abs(normal),
                                                    [0, 0, 1]):
                raise InputError(f'{what}: expected x, y and z in mm, as the '
                                 'slice is not axial, found two numbers')
            placed[..., 2] = self.scan.geometry['origin'][2]
            placed[..., :2] = points
            points = placed
        return to_voxels(points, self.scan.geometry)

    def _seen(self, points: np.ndarray, what: str) -> np.ndarray:
        """Voxel indices (..., 3) as pixels (..., 2) of the model's slice."""
        inside = check_inside(points, self.scan.geometry, what)
        return self.plane.to_slices(inside)[..., :2]

    def _masks(self, masks: Any) -> np.ndarray:
        """bool (n, H, W) of the slice as the model sees it."""
        found = np.asarray(masks)
        found = found[None] if found.ndim == 2 else found
        shape = tuple(self.scan.geometry['size'][axis]
                      for axis in reversed(self.flat))
        if found.ndim != 3 or found.shape[1:] != shape:
            raise InputError(f'masks: expected the size of the image, (n, '
                             f'{shape[0]}, {shape[1]}), found {found.shape}')
        if not np.isin(found, (0, 1)).all():
            raise InputError('masks: expected 0 and 1, found other values')
        if not found.any(axis=(1, 2)).all():
            raise InputError('masks: expected a mask of at least one pixel, '
                             'found an empty one')
        # As volumes of one slice, so that one rule turns all of them.
        stacked = np.expand_dims(found.astype(bool), 3 - self.through)
        return np.stack([self.plane.slices(mask)[0] for mask in stacked])
