"""Segments one image's file and writes the files of its objects."""

import hashlib
import json
import os
import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.apis.refining_inferencer import RefiningInferencer
from mmdbsam.apis.scans import load_scan
from mmdbsam.apis.semantic_inferencer import SemanticInferencer
from mmdbsam.apis.view import view_of
from mmdbsam.apis.volume.prompts import CoarseLabels
from mmdbsam.cli.inference.outputs import (
    ObjectRow,
    Outputs,
    read_rows,
    rows_of,
)
from mmdbsam.cli.inference.prompt_sources import NamedPrompts, PromptSources
from mmdbsam.cli.inference.settings import Settings
from mmdbsam.io.checksums import sha256
from mmdbsam.io.readers import Readers, VolumeReader
from mmdbsam.io.readers.files import files_of
from mmdbsam.structures.results import VolumeTiming

AnyInferencer = PromptInferencer | SemanticInferencer | RefiningInferencer


@dataclass(frozen=True)
class JobReport:
    """What a job found, and how long it took.

    Attributes:
        rows: The objects.
        slices: How long the slices took.
        seconds: The seconds that the case took, with reading and writing.
    """

    rows: list[ObjectRow]
    slices: VolumeTiming
    seconds: float

    @property
    def timing(self) -> dict[str, float]:
        """The times as the record has them."""
        return dict(slices=self.slices.slices,
                    seconds_per_slice=round(self.slices.seconds_per_slice, 4),
                    seconds_per_case=round(self.seconds, 3),
                    workers=self.slices.workers)

    def __str__(self) -> str:
        """The times in a line."""
        return (f'{self.slices.slices} slices, '
                f'{self.slices.seconds_per_slice:.2f} s a slice, '
                f'{self.slices.workers} side by side; '
                f'{self.seconds:.1f} s for the case')


@dataclass(frozen=True)
class Job:
    """An image to segment.

    Attributes:
        image: The image's file, or the folder of its DICOM series.
        sources: The sources of the prompts; None for a model without any.
        outputs: The files to write.
        settings: The settings of the segmentation.
        model: The keys that identify the model in the record: its config,
            checkpoint and version.
        series: The DICOM series to read, see :class:`.Readers`.
    """

    image: Path
    sources: PromptSources | None
    outputs: Outputs
    settings: Settings
    model: dict[str, Any]
    series: tuple[str, ...] = ()

    @cached_property
    def reader(self) -> VolumeReader:
        """The reader of the image."""
        return Readers(self.series, self.settings.channel).find(self.image)

    @property
    def name(self) -> str:
        """The name of the case."""
        return Readers().case_name(self.image)

    @cached_property
    def prompts(self) -> NamedPrompts | None:
        """The prompts of the image, or None for a model without any.

        Raises:
            InputError: In the cases of :meth:`.PromptSources.of_image`.
        """
        return self.sources and self.sources.of_image(
            self.image, self.name, self.reader.geometry(self.image))

    def check(self) -> None:
        """Make sure that the job can be done, before anything is computed.

        Raises:
            InputError: If the image's header cannot be read, the image has no
                prompts, or the result could not be written.
        """
        geometry = self.reader.geometry(self.image)
        self.outputs.check(self.image, geometry)
        _ = self.prompts

    def _asked(self) -> dict[str, Any]:
        """What only models with prompts, or only those without, are told."""
        if self.sources is None:
            return dict(probabilities=self.outputs.probabilities)
        return dict(prompts=self.prompts, units=self.settings.units)

    def origin(self) -> dict[str, Any]:
        """Gather all that the result depends on, as the record keeps it."""
        prompts = self.prompts
        several = prompts.values() if isinstance(prompts, dict) else [prompts]
        content = dict(
            image=str(self.image), files=stamp(self.image),
            prompts=repr(prompts),
            masks=[stamp(prompt.labels) for prompt in several
                   if isinstance(prompt, CoarseLabels)],
            settings=asdict(self.settings), separate=self.outputs.separate,
            overlay=self.outputs.overlay, model=self.model,
            # Records that were made before there was a choice lack it.
            **dict(probabilities=True) if self.outputs.probabilities else {})
        # It is compared with what is read back, where tuples are lists.
        return json.loads(json.dumps(content))

    def is_done(self) -> bool:
        """Say whether the result is there, whole and of the same origin."""
        try:
            record = json.loads(self.outputs.record.read_text(
                encoding='utf-8'))
            return (record['origin'] == self.origin()
                    and bool(read_rows(self.outputs.record))
                    and self.outputs.is_whole(record))
        # A damaged record is any JSON or none.
        except (OSError, ValueError, TypeError, LookupError, AttributeError,
                RecursionError):
            return False

    def run(self, inferencer: AnyInferencer) -> JobReport:
        """Segment the image and write the result.

        Returns:
            JobReport: The objects, and how long they took.

        Raises:
            InputError: In the same cases as :meth:`check`, or if the image or
                the prompts cannot be used.
        """
        start = time.perf_counter()
        settings = self.settings
        origin = self.origin()
        image = self.image
        if self.series and image.is_dir():
            # The path alone would not say which of several series it is.
            image = self.reader.read(image)
        result = inferencer.segment_volume(
            image, axes=settings.axes, **self._asked(),
            window=settings.window, channel=settings.channel,
            isotropic=settings.isotropic,
            largest_component=settings.largest_component,
            fill_holes=settings.fill_holes, progress=True)
        rows = rows_of(result, self.name, self.reader.in_space)
        files = self.outputs.write(result, self.image, rows, lambda: view_of(
            inferencer.model, load_scan(image, channel=settings.channel),
            result, self.prompts, settings.plane, settings.units,
            settings.window))
        for name, count in self.outputs.hidden(result).items():
            print(f"note: {count} voxels of '{name}' are within smaller "
                  f'objects, and are theirs in {self.outputs.labels}; '
                  '--separate writes a file for each object')
        report = JobReport(rows, result.timing, time.perf_counter() - start)
        self.outputs.write_record(
            rows, timing=report.timing, origin=origin,
            files={os.path.relpath(file, self.outputs.labels.parent):
                   sha256(file) for file in files})
        return report


def stamp(path: Path) -> str:
    """Hash the names, sizes and times of the files of an image or folder."""
    stamps = [(os.path.relpath(file, path), file.stat().st_size,
               file.stat().st_mtime_ns) for file in files_of(path)
              if file.exists()]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]
