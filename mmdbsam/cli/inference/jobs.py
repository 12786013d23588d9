"""From one image's file to the files of its objects."""

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.apis.scans import load_scan
from mmdbsam.apis.view import view_of
from mmdbsam.apis.volume.prompts import CoarseLabels
from mmdbsam.cli.inference.outputs import ObjectRow, Outputs, rows_of
from mmdbsam.cli.inference.prompt_sources import NamedPrompts, PromptSources
from mmdbsam.cli.inference.settings import Settings
from mmdbsam.io.readers import Readers, VolumeReader


@dataclass(frozen=True)
class Job:
    """An image to segment.

    Attributes:
        image: Its file, or the folder of its DICOM series.
        sources: Where its prompts come from.
        outputs: Where the result goes.
        settings: How it is segmented.
        model: What names the model.
        series: See :class:`.Readers`.
    """

    image: Path
    sources: PromptSources
    outputs: Outputs
    settings: Settings
    model: dict[str, Any]
    series: tuple[str, ...] = ()

    @cached_property
    def reader(self) -> VolumeReader:
        """Of the image."""
        return Readers(self.series, self.settings.channel).find(self.image)

    @property
    def name(self) -> str:
        """Of the case."""
        return self.reader.case_name(self.image)

    @cached_property
    def prompts(self) -> NamedPrompts:
        """Of the image.

        Raises:
            InputError: See :meth:`.PromptSources.of_image`.
        """
        return self.sources.of_image(self.image, self.name,
                                     self.reader.geometry(self.image))

    def check(self) -> None:
        """Find what is wrong before anything is computed.

        Raises:
            InputError: If the image's header cannot be read, it has no
                prompts, or the result could not be written.
        """
        geometry = self.reader.geometry(self.image)
        self.outputs.check(self.image, geometry)
        _ = self.prompts

    def origin(self) -> dict[str, Any]:
        """What the result follows from, as the record keeps it."""
        prompts = self.prompts
        several = prompts.values() if isinstance(prompts, dict) else [prompts]
        content = dict(
            image=str(self.image), files=stamp(self.image),
            prompts=repr(prompts),
            masks=[stamp(prompt.labels) for prompt in several
                   if isinstance(prompt, CoarseLabels)],
            settings=asdict(self.settings), separate=self.outputs.separate,
            overlay=self.outputs.overlay, model=self.model)
        # As it is read back.
        return json.loads(json.dumps(content))

    def is_done(self) -> bool:
        """Whether its result is there, and from the same origin."""
        try:
            record = json.loads(self.outputs.record.read_text(
                encoding='utf-8'))
        except (OSError, ValueError):
            return False
        return record.get('origin') == self.origin()

    def run(self, inferencer: PromptInferencer) -> list[ObjectRow]:
        """Segment the image and write the result.

        Returns:
            list[ObjectRow]: The objects.

        Raises:
            InputError: As :meth:`check`; if the image or the prompts cannot
                be used.
        """
        settings = self.settings
        origin = self.origin()
        image = self.image
        if self.series and image.is_dir():
            # By its path, one of several series would not be known.
            image = self.reader.read(image)
        result = inferencer.segment_volume(
            image, self.prompts, settings.axes, settings.units,
            window=settings.window, channel=settings.channel,
            isotropic=settings.isotropic,
            largest_component=settings.largest_component,
            fill_holes=settings.fill_holes, progress=True)
        rows = rows_of(result, self.name, self.reader.in_space)
        self.outputs.write(
            result, self.image, rows, dict(origin=origin),
            lambda: view_of(
                inferencer.model,
                load_scan(image, channel=settings.channel), result,
                self.prompts, settings.plane, settings.units,
                settings.window))
        for name, count in self.outputs.hidden(result).items():
            print(f"note: {count} voxels of '{name}' are within smaller "
                  f'objects, and are theirs in {self.outputs.labels}; '
                  '--separate writes a file for each object')
        return rows


def stamp(path: Path) -> str:
    """A hash of the names, sizes and times of a file, or of a folder's."""
    files = sorted(path.rglob('*')) if path.is_dir() else [path]
    stamps = [(str(file.relative_to(path)), file.stat().st_size,
               file.stat().st_mtime_ns) for file in files]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]
