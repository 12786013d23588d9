"""The inputs of a call of the inferencer, and the files of their results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Tuple, Union

import numpy as np
import torch
from mmengine.structures import InstanceData
from PIL import Image

from mmdbsam.apis.image_prompts import PromptReader
from mmdbsam.apis.scans import AnyImage, load_scan
from mmdbsam.errors import InputError
from mmdbsam.geometry.planes import SlicePlane, plane_of
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.readers import Readers
from mmdbsam.io.writers import Writers
from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.prompt_data_sample import PromptDataSample
from mmdbsam.structures.results import SegmentResult, VolumeResult

if TYPE_CHECKING:
    from mmdbsam.apis.image_model import ImageModel
    from mmdbsam.visualization import VolumeView

# The kinds of prompts of an image, in the order of PromptReader.read.
_OF_IMAGES = ('boxes', 'points', 'point_labels', 'masks')


@dataclass(frozen=True)
class Request:
    """An input and its prompts.

    Attributes:
        image: The image or the volume.
        name: The input's name, after which its files are called.
        given: The arguments that were given, by their names: ``prompts`` for
            a volume, or those of :meth:`.PromptInferencer.segment` for an
            image.
    """

    image: AnyImage
    name: str
    given: Dict[str, Any]

    def data_sample(self, result: Union[SegmentResult, VolumeResult]
                    ) -> PromptDataSample:
        """Turn an image's result into a data sample, as OpenMMLab does.

        Raises:
            InputError: If the result is that of a volume.
        """
        if isinstance(result, VolumeResult):
            raise InputError('return_datasamples: expected images, as a '
                             f'volume has no data sample, found {self.name}')
        sample = PromptDataSample(metainfo=dict(
            case=self.name, ori_shape=result.masks.shape[-2:]))
        sample.prompts = InstanceData(**{
            key: torch.as_tensor(np.asarray(value))
            for key, value in self.given.items()})
        sample.pred_instances = InstanceData(
            masks=torch.from_numpy(result.masks),
            iou=torch.from_numpy(result.iou),
            logits=torch.from_numpy(result.logits))
        return sample

    def save(self, model: ImageModel,
             result: Union[SegmentResult, VolumeResult],
             out_dir: Union[str, Path, None], show: bool, units: str,
             window: Any) -> None:
        """Write the labels and a picture of them, or show the picture.

        Args:
            model: The model that made the result.
            result: What was found.
            out_dir: The folder to write to, or None.
            show: Whether to open the picture.
            units: The units of the prompts, ``'px'`` or ``'mm'``.
            window: See :meth:`.PromptInferencer.set_image`.

        Raises:
            InputError: If a file cannot be written.
        """
        # Drawing loads matplotlib, which inference alone does not need.
        from mmdbsam.reports.volume_overlay import draw_sheet
        volume, view = self._view(model, result, units, window)
        sheet = Image.fromarray(draw_sheet(view, self.name,
                                           ', '.join(volume.names)))
        if show:
            sheet.show(self.name)
        if out_dir is not None:
            self._write(volume, sheet, Path(out_dir))

    def _view(self, model: ImageModel,
              result: Union[SegmentResult, VolumeResult], units: str,
              window: Any) -> Tuple[VolumeResult, VolumeView]:
        """Return the result as a volume, and what its picture shows."""
        from mmdbsam.apis.view import view_of, view_of_image
        if isinstance(result, VolumeResult):
            return result, view_of(model, load_scan(self.image), result,
                                   self.given['prompts'], units=units,
                                   window=window)
        scan = load_scan(self.image, planar=True)
        plane = SlicePlane(scan.geometry, plane_of(scan.geometry))
        shape = scan.geometry['size'][::-1]
        ids = list(range(1, len(result.masks) + 1))
        volume = VolumeResult(
            [PackedMask.pack(mask.reshape(shape)) for mask in result.masks],
            ids, [f'object {i}' for i in ids], result.iou, scan.geometry)
        prompts = PromptReader(scan, plane).read(
            *(self.given.get(key) for key in _OF_IMAGES), units)
        return volume, view_of_image(model, scan, volume, prompts, plane,
                                     window)

    def _write(self, result: VolumeResult, sheet: Image.Image,
               folder: Path) -> None:
        readers, writers = Readers(), Writers()
        suffix = '.nii.gz'
        if isinstance(self.image, (str, Path)):
            suffix = writers.suffix_for(readers.find(Path(self.image)))
        path = folder / f'{self.name}{suffix}'
        (folder / 'vis').mkdir(parents=True, exist_ok=True)
        writers.find(path).write(result, Path(str(self.image)), path)
        with staged_file(folder / 'vis' / f'{self.name}.png') as partial:
            sheet.save(partial)


def requests_of(inputs: Sequence[AnyImage], given: Dict[str, Any],
                several: bool) -> List[Request]:
    """Split a call of the inferencer into one request per input.

    Args:
        inputs: The inputs, at least one.
        given: The call's prompt arguments by their names; None for those that
            were not given.
        several: Whether each argument is a list with one entry per input.

    Raises:
        InputError: If an argument does not have one entry per input, if no
            prompts are given, or if prompts of a volume and of an image are
            given together.
    """
    given = {key: value for key, value in given.items() if value is not None}
    if not given or ('prompts' in given and len(given) > 1):
        raise InputError('prompts: expected prompts of a volume, or boxes, '
                         'points or masks of an image, found '
                         f'{", ".join(given) or "none"}')
    for key, value in given.items() if several else ():
        if len(value) != len(inputs):
            raise InputError(f'{key}: expected one entry for each of '
                             f'{len(inputs)} inputs, found {len(value)}')
    requests = [
        Request(image, _name(image, i),
                {key: value[i] if several else value
                 for key, value in given.items()})
        for i, image in enumerate(inputs)]
    names = [request.name for request in requests]
    for name in names:
        if names.count(name) > 1:
            raise InputError('inputs: expected images of different names, '
                             f"found '{name}' twice")
    return requests


def _name(image: AnyImage, index: int) -> str:
    """Name a file without its suffix, and an image in memory by number."""
    if isinstance(image, (str, Path)):
        return Readers().case_name(Path(image)) or Path(image).stem
    return f'image_{index}'
