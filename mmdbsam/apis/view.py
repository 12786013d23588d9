"""Gathers what a picture shows of a result."""

from typing import Any, Optional

import numpy as np

from mmdbsam.apis.image_model import ImageModel, ImagePrompts, SliceModel
from mmdbsam.apis.scans import Scan
from mmdbsam.apis.volume.locator import PromptLocator, Prompts
from mmdbsam.apis.volume.regions import Seed
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.io.windowing import to_eight_bits
from mmdbsam.structures.results import VolumeResult
from mmdbsam.visualization import VolumeView


def view_of(model: SliceModel, scan: Scan, result: VolumeResult,
            prompts: Optional[Prompts], plane_name: str = 'axial',
            units: str = 'px', window: Any = None) -> VolumeView:
    """Show a volume as the model saw it, with prompts and masks.

    Args:
        model: The model that made the result.
        scan: The volume.
        result: The objects found in the volume.
        prompts: The prompts that asked for them, if there were any.
        plane_name: The plane of the slices, and of the prompts on slices.
        units: The prompts' units, ``'px'`` or ``'mm'``.
        window: See :meth:`.PromptInferencer.set_image`.
    """
    plane = SlicePlane(scan.geometry, plane_name)
    boxes, points = {}, {}
    for one in () if prompts is None else PromptLocator(
            scan, scan, plane_name, units).objects(prompts):
        if not isinstance(one.place, Seed):
            boxes[one.id] = one.place.boxes(plane)
            continue
        index, prompt = one.place.slice_index(plane), one.place.prompts(plane)
        if prompt.boxes is not None:
            boxes[one.id] = {index: prompt.boxes[0]}
        else:
            points[one.id] = {index: _marked(prompt, 0)}
    return _view(model, scan, result, plane, boxes, points, window)


def view_of_image(model: ImageModel, scan: Scan, result: VolumeResult,
                  prompts: ImagePrompts, plane: SlicePlane,
                  window: Any = None) -> VolumeView:
    """Show an image of one slice, as :func:`view_of` shows a volume.

    Args:
        model: The model that made the result.
        scan: The image.
        result: The objects found in it, as a volume of one slice.
        prompts: The prompts of the same objects, in pixels of the slice.
        plane: The plane of the slice.
        window: See :meth:`.PromptInferencer.set_image`.
    """
    boxes, points = {}, {}
    for i, label_id in enumerate(result.ids):
        if prompts.boxes is not None:
            boxes[label_id] = {0: prompts.boxes[i]}
        if prompts.points is not None:
            points[label_id] = {0: _marked(prompts, i)}
    return _view(model, scan, result, plane, boxes, points, window)


def _marked(prompts: ImagePrompts, i: int) -> np.ndarray:
    """Join an object's points and labels, (P, 3), without padding."""
    marked = np.column_stack([prompts.points[i], prompts.point_labels[i]])
    return marked[marked[:, 2] >= 0]


def _view(model: SliceModel, scan: Scan, result: VolumeResult,
          plane: SlicePlane, boxes: dict, points: dict, window: Any
          ) -> VolumeView:
    windows = model.preprocess.windows_of(scan, window)
    columns, rows, _ = (scan.geometry['spacing'][axis] for axis in plane.axes)
    return VolumeView(
        to_eight_bits(plane.slices(scan.values), windows),
        dict(zip(result.ids, result.names, strict=True)),
        {label_id: plane.slices(result.mask(i))
         for i, label_id in enumerate(result.ids)},
        (columns, rows), _numbers(plane), boxes, points)


def _numbers(plane: SlicePlane) -> range:
    """Number the plane's slices by the voxels' own indices."""
    count = range(plane.size[2])
    return count[::-1] if plane.flipped[2] else count
