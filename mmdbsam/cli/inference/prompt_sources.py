"""Prompts as they are given on a command line."""

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
from mmdbsam.io.readers import Readers

# One for each object by its name, or one that names its objects itself.
NamedPrompts = dict[str, VolumePrompt] | CoarseLabels


@dataclass(frozen=True)
class PromptSources:
    """Where prompts come from.

    Attributes:
        boxes: Each the words of one ``--box``.
        points: Each the words of one ``--point``; together, one object.
        names: Of the objects of ``boxes``, that of ``points`` and that of
            ``mask``, in this order.
        rows: Of a file of boxes.
        mask: A volume of coarse labels, or a folder with one for each image,
            of the image's name.
        plane: Of the slices, see
            :meth:`.PromptInferencer.segment_volume`.
        units: ``'px'`` or ``'mm'``.
    """

    boxes: Sequence[Sequence[str]] = ()
    points: Sequence[Sequence[str]] = ()
    names: Sequence[str] = ()
    rows: Sequence[BoxRow] = ()
    mask: Path | None = None
    plane: str = 'axial'
    units: str = 'px'

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
        """The prompts of an image.

        Args:
            image: Its file or folder.
            name: Of the case.
            geometry: Its grid.

        Raises:
            InputError: If there are none, or they are not of its dimensions.
        """
        found: list[tuple[str, VolumePrompt]] = []
        names = iter(self.names)

        def next_name() -> str:
            return next(names, f'object {len(found) + 1}')

        where = _Where(geometry, self.plane, self.units)
        for words in self.boxes:
            box = [number(word, '--box') for word in words]
            found.append((next_name(), where.box(box, '--box')))
        if self.points:
            found.append((next_name(), where.seed(self.points)))
        rows = [row for row in self.rows
                if row.image in (None, name, image.name)]
        found += where.rows(rows)
        if self.mask is not None:
            labels = CoarseLabels(_mask_of(self.mask, name))
            if not found and not self.names:
                return labels
            found.append((next_name(), labels))
        if not found:
            raise InputError(f'{image}: expected a box for it, found none for '
                             f"'{name}' in the file of boxes")
        prompts = dict(found)
        if len(prompts) < len(found):
            raise InputError('prompts: expected a name for each object, found '
                             f'{", ".join(name for name, _ in found)}')
        return prompts

    def check_images(self, names: Iterable[str]) -> None:
        """Make sure that the file of boxes names images that there are.

        Args:
            names: Names of cases and of their files.

        Raises:
            InputError: If not.
        """
        known = set(names)
        for row in self.rows:
            if row.image is not None and row.image not in known:
                raise InputError(f"{row.where}: image '{row.image}': expected "
                                 'the name of an image, found none of it')


@dataclass(frozen=True)
class _Where:
    """From numbers to prompts of a volume."""

    geometry: Geometry
    plane: str
    units: str
    stacked: int = field(init=False)

    def __post_init__(self) -> None:
        # Prompts on slices in mm count them in the scanner's space.
        object.__setattr__(
            self, 'stacked', STACKED_ALONG[self.plane] if self.units == 'mm'
            else SlicePlane(self.geometry, self.plane).axes[2])

    @property
    def flat(self) -> bool:
        """Whether two coordinates are enough."""
        axis = SlicePlane(self.geometry, self.plane).axes[2]
        return self.geometry['size'][axis] == 1 and self.units == 'px'

    def box(self, box: Sequence[float], what: str) -> VolumeBox:
        """Six numbers, or four of an image in a plane."""
        if len(box) == 4 and self.flat:
            corners = np.reshape(box, (2, 2))
            return VolumeBox(tuple(
                np.insert(corners, self.stacked, 0, axis=1).ravel().tolist()))
        if len(box) != 6:
            raise InputError(
                f'{what}: expected x0 y0 z0 x1 y1 z1'
                f'{" or x0 y0 x1 y1" if self.flat else ""}, found {len(box)} '
                'numbers')
        return VolumeBox(tuple(box))

    def seed(self, points: Sequence[Sequence[str]]) -> SeedPoint:
        """Points of one object."""
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
        """The objects of a file: rows of one name are boxes on its slices."""
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


def _mask_of(mask: Path, name: str) -> Path:
    """The labels of an image, from a folder or a file."""
    if not mask.exists():
        raise InputError(f'{mask}: no such file')
    readers = Readers()
    if not mask.is_dir():
        readers.find(mask)
        return mask
    found = [path for path in sorted(mask.iterdir())
             if readers.case_name(path) == name]
    if len(found) != 1:
        raise InputError(f"{mask}: expected one file of labels called "
                         f"'{name}', found {len(found)}")
    return found[0]
