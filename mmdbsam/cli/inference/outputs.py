"""Writes the files of one image's result."""

import csv
import io
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.atomic import require_place, staged_file, write_text
from mmdbsam.io.checksums import sha256
from mmdbsam.io.writers import (
    SegmentationWriter,
    Writers,
    label_descriptions,
    write_probabilities,
)
from mmdbsam.reports.volume_overlay import OVERLAYS
from mmdbsam.structures.results import VolumeResult
from mmdbsam.visualization import VolumeView

# The name of a file has at most 255 bytes, and a letter up to four.
_LONGEST_NAME = 40


class ObjectRow(NamedTuple):
    """A row of the table of objects.

    Attributes:
        image: The name of the case.
        label: The object's id in the label volume.
        name: The object's name.
        voxels: The number of the object's voxels, including those that
            another object hides.
        volume_ml: The volume of these voxels in mL; None if the image does
            not know its spacing.
        confidence: See :class:`.VolumeResult`.
    """

    image: str
    label: int
    name: str
    voxels: int
    volume_ml: float | None
    confidence: float


@dataclass(frozen=True)
class Outputs:
    """The files to which a result is written.

    Attributes:
        labels: The path of the label volume, whose suffix sets its format.
        overlay: The path of a picture, film or page, whose suffix sets its
            format; or the suffix alone, for a file beside the label volume.
        separate: Whether each object gets a label volume of its own.
        series: The DICOM series, see :class:`.SegmentationWriter`.
        probabilities: Whether the probabilities are written too.

    Raises:
        InputError: If a suffix is unknown.
    """

    labels: Path
    overlay: str | None = None
    separate: bool = False
    series: tuple[str, ...] = ()
    probabilities: bool = False

    def __post_init__(self) -> None:
        found = self.overlay_file
        if found and found.suffix.lower() not in OVERLAYS:
            raise InputError(f'--overlay {self.overlay}: expected a file name '
                             f'that ends in {", ".join(OVERLAYS)}')

    @property
    def writer(self) -> SegmentationWriter:
        """The writer of the label volume."""
        return Writers(self.series).find(self.labels)

    @property
    def overlay_file(self) -> Path | None:
        """The path of the overlay, or None if there is none."""
        if self.overlay is None:
            return None
        if f'.{self.overlay}' in OVERLAYS:
            return self._beside(f'.overlay.{self.overlay}')
        return Path(self.overlay)

    @property
    def record(self) -> Path:
        """The path of the record of the result, which is written last."""
        return self._beside('.labels.json')

    def check(self, image: Path, geometry: Geometry) -> None:
        """Make sure that all can be written, before anything is computed.

        Args:
            image: The image's file or folder.
            geometry: The image's grid.

        Raises:
            InputError: If a file could not be written.
        """
        for path in filter(None, (self.labels, self.overlay_file)):
            if path.resolve() == image.resolve():
                raise InputError(f'{path}: expected another file than the '
                                 'image, found the image')
            if path.is_dir():
                raise InputError(f'{path}: expected a file to write, found a '
                                 'folder')
            require_place(path)
        self.writer.check(image, geometry)

    def write(self, result: VolumeResult, image: Path,
              rows: list[ObjectRow], view: Callable[[], VolumeView]
              ) -> list[Path]:
        """Write all files but the record.

        Args:
            result: The objects.
            image: The image's file or folder.
            rows: The objects' rows of the table.
            view: A function that makes what an overlay shows.

        Returns:
            list[Path]: The files.

        Raises:
            InputError: If a file cannot be written.
        """
        writer, files = self.writer, []
        for part, path in self._parts(result):
            writer.write(part, image, path)
            files.append(path)
        if not writer.keeps_names:
            files.append(self._beside('.labels.txt'))
            write_text(files[-1], label_descriptions(result))
        if self.probabilities:
            files.append(self._beside('.probabilities.nii.gz'))
            write_probabilities(result, files[-1])
        if self.overlay_file:
            files.append(self.overlay_file)
            names = ', '.join(result.names)
            with staged_file(self.overlay_file) as partial:
                OVERLAYS[partial.suffix.lower()](view(), rows[0].image, names,
                                                 partial)
        files.append(self._beside('.volumes.csv'))
        write_text(files[-1], table(rows))
        return files

    def write_record(self, rows: list[ObjectRow], **about: Any) -> None:
        """Write the record, which says that the other files are complete.

        Args:
            rows: The objects' rows of the table.
            **about: Further keys, which say how the objects were found.

        Raises:
            InputError: If the file cannot be written.
        """
        write_text(self.record, json.dumps(dict(
            objects=[row._asdict() for row in rows], **about), indent=1))

    def is_whole(self, record: dict[str, Any]) -> bool:
        """Say whether the files of a record are as they were written."""
        return all(sha256(Path(self.labels.parent, name)) == digest
                   for name, digest in record['files'].items())

    def hidden(self, result: VolumeResult) -> dict[str, int]:
        """Count the voxels that other objects hide in the files.

        Returns:
            dict[str, int]: The number of hidden voxels, by the object's name,
            of objects that are not shown entirely.
        """
        if self.separate or self.writer.keeps_overlaps:
            return {}
        shown = np.bincount(result.labels.ravel(),
                            minlength=max(result.ids) + 1)
        lost = {name: mask.count() - int(shown[label_id])
                for label_id, name, mask in zip(
                    result.ids, result.names, result.masks, strict=True)}
        return {name: count for name, count in lost.items() if count}

    def _parts(self, result: VolumeResult
               ) -> Iterable[tuple[VolumeResult, Path]]:
        """Yield the label volumes and their paths."""
        if not self.separate:
            yield result, self.labels
            return
        suffix = self.labels.name[len(self.writer.stem(self.labels)):]
        objects = zip(result.masks, result.ids, result.names,
                      result.confidence, strict=True)
        for mask, label_id, name, confidence in objects:
            part = replace(result, masks=[mask], ids=[label_id], names=[name],
                           confidence=np.array([confidence]))
            plain = re.sub(r'[^\w-]+', '_', name)[:_LONGEST_NAME]
            yield part, self._beside(f'.{label_id}_{plain}{suffix}')

    def _beside(self, ending: str) -> Path:
        return self.labels.with_name(self.writer.stem(self.labels) + ending)


def rows_of(result: VolumeResult, name: str, in_space: bool
            ) -> list[ObjectRow]:
    """Make an image's rows of the table.

    Args:
        result: The objects of the image.
        name: The name of the case.
        in_space: Whether the image knows its spacing.
    """
    return [
        ObjectRow(name, label_id, own, mask.count(),
                  float(volume) if in_space else None, float(confidence))
        for label_id, own, mask, volume, confidence in zip(
            result.ids, result.names, result.masks, result.volumes_ml(),
            result.confidence, strict=True)]


def table(rows: Iterable[ObjectRow]) -> str:
    """Format rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator='\n')
    writer.writerow(ObjectRow._fields)
    for row in rows:
        volume = '' if row.volume_ml is None else f'{row.volume_ml:.6g}'
        writer.writerow([*row[:4], volume, f'{row.confidence:.4f}'])
    return text.getvalue()


def read_rows(record: Path) -> list[ObjectRow]:
    """Read the rows from a result's record."""
    content = json.loads(record.read_text(encoding='utf-8'))
    return [ObjectRow(**row) for row in content['objects']]
