"""Reads prompts as they are given on a command line."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mmdbsam.apis.volume.prompts import (
    CoarseLabels,
    SeedBox,
    SeedPoint,
    SliceBoxes,
    VolumeBox,
    VolumePrompt,
)
from mmdbsam.cli.inference.box_files import BoxRow, number
from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.geometry.planes import STACKED_ALONG, SlicePlane
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.preparation.layouts.folder_pairs import (
    labels_named,
    objects_named,
)

# A prompt for each object by its name, or labels that name their objects.
NamedPrompts = dict[str, VolumePrompt] | CoarseLabels


@dataclass(frozen=True)
class PromptSources:
    """The sources of prompts.

    Attributes:
        boxes: The words of each ``--box``.
        points: The words of each ``--point``; all points are of one object.
        names: The names of the objects of ``boxes``, of ``points`` and of
            ``mask``, in this order.
        rows: The rows of a file of boxes.
        mask: A volume of coarse labels, or a folder that has one for each
            image, under the image's name.
        plane: The plane of the slices, see
            :meth:`.PromptInferencer.segment_volume`.
        units: The prompts' units, ``'px'`` or ``'mm'``.
        each_slice: Whether a 3-D box prompts each of its slices, see
            :class:`.VolumeBox`.

    Raises:
        InputError: If there is no source, or there are more names than
            objects.
    """

    boxes: Sequence[Sequence[str]] = ()
    points: Sequence[Sequence[str]] = ()
    names: Sequence[str] = ()
    rows: Sequence[BoxRow] = ()
    mask: Path | None = None
    plane: str = 'axial'
    units: str = 'px'
    each_slice: bool = False

    def __post_init__(self) -> None:
        count = (len(self.boxes) + bool(self.points)
                 + (self.mask is not None))
        if not count and not self.rows:
            raise InputError('prompts: expected --box, --boxes, --point or '
                             '--prompt-mask, found none')
        if len(self.names) > count:
            raise InputError(f'--label: expected at most {count} names, one '
                             'for each --box, one for all --point and one for '
                             f'--prompt-mask, found {len(self.names)}')

    def of_image(self, image: Path, name: str, geometry: Geometry
                 ) -> NamedPrompts:
        """Read the prompts of an image.

        Args:
            image: The image's file or folder.
            name: The name of the case.
            geometry: The image's grid.

        Raises:
            InputError: If the image has no prompts, a prompt has a wrong
                number of coordinates, or two objects have the same name.
        """
        found: list[tuple[str, VolumePrompt]] = []
        names = iter(self.names)

        def next_name() -> str:
            return next(names, f'object {len(found) + 1}')

        where = _Where(geometry, self.plane, self.units, self.each_slice)
        for words in self.boxes:
            box = [number(word, '--box') for word in words]
            found.append((next_name(), where.box(box, '--box')))
        if self.points:
            found.append((next_name(), where.seed(self.points)))
        rows = [row for row in self.rows
                if row.image in (None, name, image.name)]
        found += where.rows(rows)
        if self.mask is not None:
            masks = _masks_of(self.mask, name)
            if isinstance(masks, dict):
                found += [(own, CoarseLabels(path))
                          for own, path in masks.items()]
            elif not found and not self.names:
                return CoarseLabels(masks)
            else:
                found.append((next_name(), CoarseLabels(masks)))
        if not found:
            raise InputError(f'{image}: expected a box for it, found none for '
                             f"'{name}' in the file of boxes")
        prompts = dict(found)
        if len(prompts) < len(found):
            raise InputError('prompts: expected a name for each object, found '
                             f'{", ".join(name for name, _ in found)}')
        return prompts

    def check_images(self, names: Iterable[str]) -> None:
        """Make sure that the file of boxes names only images that exist.

        Args:
            names: The names of cases and of their files.

        Raises:
            InputError: If a box is meant for an image that does not exist.
        """
        known = set(names)
        for row in self.rows:
            if row.image is not None and row.image not in known:
                raise InputError(f"{row.where}: image '{row.image}': expected "
                                 'the name of an image, found none of it')


@dataclass(frozen=True)
class _Where:
    """Turns numbers into prompts of a volume."""

    geometry: Geometry
    plane: str
    units: str
    each_slice: bool
    stacked: int = field(init=False)

    def __post_init__(self) -> None:
        # Prompts in mm count their slices in the scanner's space.
        object.__setattr__(
            self, 'stacked', STACKED_ALONG[self.plane] if self.units == 'mm'
            else SlicePlane(self.geometry, self.plane).axes[2])

    @property
    def flat(self) -> bool:
        """Whether two coordinates are enough to place a point."""
        axis = SlicePlane(self.geometry, self.plane).axes[2]
        return self.geometry['size'][axis] == 1 and self.units == 'px'

    def box(self, box: Sequence[float], what: str) -> VolumeBox:
        """Make a box from six numbers, or from four in a planar image."""
        if len(box) == 4 and self.flat:
            corners = np.reshape(box, (2, 2))
            return VolumeBox(
                tuple(np.insert(corners, self.stacked, 0,
                                axis=1).ravel().tolist()), self.each_slice)
        if len(box) != 6:
            raise InputError(
                f'{what}: expected x0 y0 z0 x1 y1 z1'
                f'{" or x0 y0 x1 y1" if self.flat else ""}, found {len(box)} '
                'numbers')
        return VolumeBox(tuple(box), self.each_slice)

    def seed(self, points: Sequence[Sequence[str]]) -> SeedPoint:
        """Make the seed of an object from the words of its points."""
        coordinates, labels = [], []
        for words in points:
            point = [number(word, '--point') for word in words]
            if len(point) in (2, 3) and self.flat:
                point[:2] = np.insert(point[:2], self.stacked, 0).tolist()
            if len(point) not in (3, 4):
                raise InputError(
                    f'--point: expected x y {"" if self.flat else "z "}and '
                    'maybe a label, 1 for the object or 0 for its background, '
                    f'found {len(words)} numbers')
            coordinates.append(point[:3])
            labels.append(point[3] if len(point) == 4 else 1)
        placed = np.array(coordinates)
        along = placed[:, self.stacked]
        if np.ptp(along) > 0:
            raise InputError('--point: expected points on one slice, found '
                             f'them on {along.min():g} and {along.max():g} '
                             f'along {"xyz"[self.stacked]}')
        return SeedPoint(float(along[0]), np.delete(
            placed, self.stacked, axis=1).tolist(), labels)

    def rows(self, rows: Sequence[BoxRow]) -> list[tuple[str, VolumePrompt]]:
        """Make a file's objects, from all the rows that share a name."""
        named: dict[str, list[BoxRow]] = {}
        for row in rows:
            named.setdefault(row.name, []).append(row)
        return [(name, self._object(own)) for name, own in named.items()]

    def _object(self, rows: Sequence[BoxRow]) -> VolumePrompt:
        first = rows[0]
        if first.slice is None and len(rows) == 1:
            return self.box(first.box, first.where)
        boxes = {row.slice: row.box for row in rows}
        if None in boxes or len(boxes) < len(rows):
            raise InputError(f"{rows[-1].where}: '{first.name}': expected one "
                             'box in all or one for each of some slices, '
                             f'found {len(rows)}')
        if len(rows) == 1:
            return SeedBox(first.slice, first.box)
        return SliceBoxes(boxes)


def _masks_of(mask: Path, name: str) -> Path | dict[str, Path]:
    """Find the file of an image's labels, in a folder or as given.

    In a folder there may be a file for each object instead.
    """
    if not mask.exists():
        raise InputError(f'{mask}: no such file')
    readers = LabelReaders()
    if not mask.is_dir():
        readers.find(mask)
        return mask
    found = labels_named(name, mask, readers)
    if not found and (objects := objects_named(name, mask, readers)):
        return objects
    if not found:
        raise InputError(f"{mask}: expected a file of labels called "
                         f"'{name}', found none")
    if len(found) > 1:
        # Several masks of an image are objects of their own.
        return {readers.case_name(path): path for path in found}
    return found[0]
