"""Finds where in a volume a user's prompts place their objects."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Dict, List, Optional, Tuple, Union

import cv2
import numpy as np

from mmdbsam.apis.coordinates import (
    UNITS,
    check_inside,
    check_upright,
    numbers,
    to_voxels,
)
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.coarse_labels import CoarseLabelReader
from mmdbsam.apis.volume.prompts import (
    CoarseLabels,
    Lasso,
    Scribble,
    SeedBox,
    SeedPoint,
    SliceBoxes,
    VolumeBox,
    VolumePrompt,
)
from mmdbsam.apis.volume.regions import (
    BoxStack,
    Cuboid,
    FollowedBox,
    ObjectPlace,
    Seed,
    VolumeObject,
)
from mmdbsam.apis.volume.strokes import (
    filled_mask,
    is_painted,
    painted,
    points_along,
    points_of,
    stroke_mask,
)
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.geometry.planes import STACKED_ALONG, SlicePlane

Prompts = Union[VolumePrompt, Sequence[VolumePrompt],
                Mapping[str, VolumePrompt]]


class PromptLocator:
    """Finds where prompts lie in a volume.

    Args:
        scan: The volume on its own grid, in which the prompts are given.
        working: The volume that is segmented: the scan itself, or a resampled
            copy of it.
        plane: The plane of the slices that prompts on slices refer to.
        units: The prompts' units, ``'px'`` for voxels, or ``'mm'``.
        corrects: Whether prompts may be on the background alone, as those
            that correct an object.

    Raises:
        InputError: If the units are unknown, or are mm for a scan that has no
            place in the scanner's space.
    """

    def __init__(self, scan: Scan, working: Scan, plane: str, units: str,
                 corrects: bool = False) -> None:
        check_units(units, scan)
        self.scan = scan
        self.working = working
        self.corrects = corrects
        self._coarse = CoarseLabelReader(scan, working)
        self.in_mm = units == 'mm'
        self.plane = SlicePlane(scan.geometry, plane)
        # The axis that a prompt's slices are counted along.
        self.axis = STACKED_ALONG[plane] if self.in_mm else self.plane.axes[2]
        self.ratio = (np.array(scan.geometry['spacing'])
                      / working.geometry['spacing'])
        self._locate: Dict[type, Callable] = {
            VolumeBox: self._volume_box, SliceBoxes: self._slice_boxes,
            SeedBox: self._seed_box, SeedPoint: self._seed_point,
            Scribble: self._scribble, Lasso: self._lasso}
        # The axes of a slice, along its columns and its rows as stored.
        self.flat = sorted({0, 1, 2} - {self.plane.axes[2]})

    def objects(self, prompts: Prompts) -> List[VolumeObject]:
        """Find the objects that the prompts ask for.

        Raises:
            InputError: If there is no prompt, or one is outside the volume,
                inverted, not finite or of a wrong shape.
        """
        if not isinstance(prompts, (Sequence, Mapping)):
            prompts = [prompts]
        named = (list(prompts.items()) if isinstance(prompts, Mapping)
                 else [(None, prompt) for prompt in prompts])
        if not named:
            raise InputError('prompts: expected at least one, found none')
        if len(named) == 1 and isinstance(named[0][1], CoarseLabels):
            return list(self._coarse.objects(*named[0]))
        found: List[Tuple[str, ObjectPlace]] = []
        for name, prompt in named:
            if isinstance(prompt, CoarseLabels):
                found += [(one.name, one.place) for one
                          in self._coarse.objects(name, prompt)]
                continue
            name = name or f'object {len(found) + 1}'
            found.append((name, self.place(prompt, f"prompt '{name}'")))
        return [VolumeObject(i, name, place)
                for i, (name, place) in enumerate(found, start=1)]

    def place(self, prompt: VolumePrompt, what: str) -> ObjectPlace:
        """Find the place of a prompt other than :class:`.CoarseLabels`.

        Args:
            prompt: The prompt.
            what: The name of the prompt in messages.

        Raises:
            InputError: See :meth:`objects`.
        """
        if type(prompt) not in self._locate:
            raise InputError(
                f'{what}: expected one of VolumeBox, SliceBoxes, SeedBox, '
                'SeedPoint, Scribble, Lasso and CoarseLabels, found '
                f'{type(prompt).__name__}')
        place = self._locate[type(prompt)](prompt, what)
        if (isinstance(place, Seed) and place.is_background
                and not self.corrects):
            raise InputError(f'{what}: expected a stroke on the object, found '
                             'one on the background')
        return place

    def _volume_box(self, prompt: VolumeBox, what: str) -> Cuboid:
        corners = numbers(prompt.box, f'{what}: box', (6, )).reshape(2, 3)
        kind = Cuboid if prompt.each_slice else FollowedBox
        return kind(self._corners(corners, f'{what}: box'))

    def _slice_boxes(self, prompt: SliceBoxes, what: str) -> BoxStack:
        if not isinstance(prompt.boxes, Mapping) or not prompt.boxes:
            raise InputError(f'{what}: boxes: expected at least one slice '
                             f'with its box, found {prompt.boxes!r}')
        return BoxStack(np.stack([
            self._slice_box(z, box, f'{what}: box of slice {z}')
            for z, box in prompt.boxes.items()]))

    def _seed_box(self, prompt: SeedBox, what: str) -> Seed:
        return Seed(corners=self._slice_box(prompt.z, prompt.box,
                                            f'{what}: box'))

    def _seed_point(self, prompt: SeedPoint, what: str) -> Seed:
        points = np.atleast_2d(numbers(prompt.points, f'{what}: points',
                                       (2, ), (-1, 2)))
        labels = point_labels(prompt.labels, points.shape[:1],
                              f'{what}: labels', self.corrects)
        placed = self._on_slice(prompt.z, points, what)
        inside = check_inside(placed, self.scan.geometry, f'{what}: points')
        return Seed(points=(inside + 0.5) * self.ratio - 0.5, labels=labels)

    def _scribble(self, prompt: Scribble, what: str) -> Seed:
        z, path, mask = self._drawing(prompt, f'{what}: drawn', stroke_mask)
        flat = points_of(mask) if path is None else points_along(path)
        return Seed(points=np.insert(flat, self.plane.axes[2], z, axis=1),
                    labels=np.full(len(flat), int(prompt.is_object)),
                    mask=self._as_volume(mask) if prompt.is_object else None)

    def _lasso(self, prompt: Lasso, what: str) -> Seed:
        what = f'{what}: drawn'
        z, line, mask = self._drawing(prompt, what, filled_mask)
        if line is not None and len(line) < 3:
            raise InputError(f'{what}: expected at least three corners, found '
                             f'{len(line)}')
        corners = tight_boxes(mask[None]).reshape(2, 2).astype(float)
        return Seed(corners=np.insert(corners, self.plane.axes[2], z, axis=1),
                    mask=self._as_volume(mask))

    def _drawing(self, prompt: Union[Scribble, Lasso], what: str,
                 draw: Callable
                 ) -> Tuple[float, Optional[np.ndarray], np.ndarray]:
        """Read a drawing on a slice, in working voxels.

        Returns:
            tuple: The place of the slice along the stack; the points, (P, 2),
            unless pixels were given; and the pixels, bool (H, W), along the
            slice's own axes.
        """
        through = self.plane.axes[2]
        shape, stored = (tuple(scan.geometry['size'][axis]
                               for axis in reversed(self.flat))
                         for scan in (self.working, self.scan))
        by_pixels = is_painted(prompt.drawn)
        if by_pixels and self.in_mm:
            raise InputError(f'{what}: expected a path of points in mm, found '
                             "pixels; give them with units='px'")
        flat = np.zeros((1, 2)) if by_pixels else numbers(
            prompt.drawn, what, (-1, 2))
        inside = check_inside(self._on_slice(prompt.z, flat, what),
                              self.scan.geometry, what)
        placed = (inside + 0.5) * self.ratio - 0.5
        if not by_pixels:
            marks = placed[:, self.flat]
            return placed[0, through], marks, draw(marks, shape)
        pixels = painted(prompt.drawn, stored, what)
        return placed[0, through], None, pixels if (
            shape == stored) else cv2.resize(
                pixels.astype(np.uint8), shape[::-1],
                interpolation=cv2.INTER_NEAREST_EXACT).astype(bool)

    def _as_volume(self, mask: np.ndarray) -> np.ndarray:
        return np.expand_dims(mask, 2 - self.plane.axes[2])

    def _slice_box(self, z: float, box: Sequence[float], what: str
                   ) -> np.ndarray:
        """Place a box on a slice: its corners (2, 3) in working voxels."""
        sides = numbers(box, what, (4, )).reshape(2, 2)
        return self._corners(self._on_slice(z, sides, what), what, placed=True)

    def _on_slice(self, z: float, flat: np.ndarray, what: str) -> np.ndarray:
        """Turn points (P, 2) of a slice into voxel indices (P, 3)."""
        z = float(numbers(z, f'{what}: slice', ()))
        if not self.in_mm and z != round(z):
            raise InputError(f'{what}: slice: expected a whole number, found '
                             f'{z:g}')
        points = np.insert(flat, self.axis, z, axis=-1)
        if not self.in_mm:
            return points
        points = to_voxels(points, self.scan.geometry)
        along = points[..., self.plane.axes[2]]
        if np.ptp(along) > 0.5:
            raise InputError(
                f'{what}: expected a prompt within one slice, found it from '
                f'slice {along.min():.2f} to {along.max():.2f} of this '
                "oblique volume; give it in voxels (units='px')")
        points[..., self.plane.axes[2]] = np.rint(along.mean())
        return points

    def _corners(self, corners: np.ndarray, what: str, placed: bool = False
                 ) -> np.ndarray:
        """Return the lowest corner and the highest, in working voxels."""
        if self.in_mm:
            if not placed:
                corners = to_voxels(corners, self.scan.geometry)
            corners = np.sort(corners, axis=0)
        else:
            check_upright(*corners, what)
        low, high = check_inside(corners, self.scan.geometry, what)
        # The outer faces of the outermost voxels keep their place.
        low, high = low * self.ratio, (high + 1) * self.ratio - 1
        return np.stack([low, np.maximum(low, high)])


def check_units(units: str, scan: Scan) -> None:
    """Refuse units that are unknown, or mm for a scan without them.

    Raises:
        InputError: If the units are neither px nor mm, or are mm although the
            scan has no place in the scanner's space.
    """
    if units not in UNITS:
        raise InputError(f'units: expected px or mm, found {units!r}')
    if units == 'mm' and not scan.in_space:
        raise InputError(f'{scan.name}: units: expected px, as the image has '
                         'no place in space, found mm')


def point_labels(labels: Any, shape: Tuple[int, ...], what: str,
                 corrects: bool = False) -> np.ndarray:
    """Read the labels of points: 1, 0 or, for padding, -1.

    Args:
        labels: The labels, of the shape below or, if its first dimension is
            1, without that. None means 1 for all points.
        shape: The shape of the points, (n, P) or (P,).
        what: The name of the labels in messages.
        corrects: Whether all points of an object may be on its background.

    Returns:
        np.ndarray: The labels, int64, of that shape.

    Raises:
        InputError: If there are other labels, no 1 for an object, or labels
            of another shape.
    """
    if labels is None:
        return np.ones(shape, np.int64)
    shapes = [shape, shape[1:]] if shape[0] == 1 else [shape]
    found = numbers(labels, what, *shapes).reshape(shape)
    if not np.isin(found, (-1, 0, 1)).all() or not (
            corrects or (found == 1).any(-1).all()):
        raise InputError(f'{what}: expected 1 (object), 0 (background) or -1 '
                         'and at least one 1 an object, found '
                         f'{found.astype(int).tolist()}')
    return found.astype(np.int64)
