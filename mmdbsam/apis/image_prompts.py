"""Turns a user's prompts of a planar image into those of the model."""

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
        plane: The plane of the scan's slice.
    """

    def __init__(self, scan: Scan, plane: SlicePlane) -> None:
        self.scan = scan
        self.plane = plane
        # These are the scan's axes, out of x, y and z, that columns and rows
        # run along in the image as it is stored.
        self.flat = sorted(plane.axes[:2])
        self.through = plane.axes[2]

    def read(self, boxes: Optional[Sequence], points: Optional[Sequence],
             labels: Optional[Sequence], masks: Any, units: str
             ) -> ImagePrompts:
        """Read the prompts of n objects.

        See :meth:`.PromptInferencer.segment` for the arguments.

        Raises:
            InputError: If there is no prompt, or one is not usable.
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
            # Models that were trained with boxes alone need a box here too.
            found['boxes'] = tight_boxes(found['masks']).astype(float)
        return ImagePrompts(**found)

    def as_stored(self, images: np.ndarray) -> np.ndarray:
        """Turn images (..., h, w) of the model's slice back to the scan's."""
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
        """Read boxes into pixels (n, 4) of the slice that the model sees."""
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
        """Read points into pixels (n, P, 2) of the slice the model sees."""
        wanted = [(-1, 2), (-1, -1, 2)] + [(-1, 3), (-1, -1, 3)] * (
            units == 'mm')
        found = numbers(points, 'points', *wanted)
        found = found[None] if found.ndim == 2 else found
        return self._seen(self._placed(found, 'points', units), 'points')

    def _placed(self, points: np.ndarray, what: str, units: str
                ) -> np.ndarray:
        """Turn a user's points (..., 2 or 3) into voxel indices (..., 3)."""
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
        """Turn voxel indices (..., 3) into pixels (..., 2) of the slice."""
        inside = check_inside(points, self.scan.geometry, what)
        return self.plane.to_slices(inside)[..., :2]

    def _masks(self, masks: Any) -> np.ndarray:
        """Read masks, bool (n, H, W), of the slice that the model sees."""
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
        # Masks become volumes of one slice, so that they are turned by the
        # same rule as the scan.
        stacked = np.expand_dims(found.astype(bool), 3 - self.through)
        return np.stack([self.plane.slices(mask)[0] for mask in stacked])
