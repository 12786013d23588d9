"""What an overlay shows of a result."""

import numpy as np

from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.apis.scans import AnyImage, load_scan
from mmdbsam.apis.volume.locator import PromptLocator, Prompts
from mmdbsam.apis.volume.regions import Seed
from mmdbsam.cli.inference.settings import Settings
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.io.windowing import to_eight_bits
from mmdbsam.structures.results import VolumeResult
from mmdbsam.visualization import VolumeView


def view_of(inferencer: PromptInferencer, image: AnyImage,
            result: VolumeResult, prompts: Prompts,
            settings: Settings) -> VolumeView:
    """A volume as the model saw it, with prompts and masks.

    Args:
        inferencer: What made the result.
        image: The image.
        result: Its objects.
        prompts: What asked for them.
        settings: How it was made.
    """
    scan = load_scan(image, channel=settings.channel)
    windows = inferencer.model.preprocess.windows_of(scan, settings.window)
    plane = SlicePlane(scan.geometry, settings.plane)
    boxes, points = {}, {}
    for one in PromptLocator(scan, scan, settings.plane,
                             settings.units).objects(prompts):
        if not isinstance(one.place, Seed):
            boxes[one.id] = one.place.boxes(plane)
            continue
        index, prompt = one.place.slice_index(plane), one.place.prompts(plane)
        if prompt.boxes is not None:
            boxes[one.id] = {index: prompt.boxes[0]}
        else:
            points[one.id] = {index: np.column_stack(
                [prompt.points[0], prompt.point_labels[0]])}
    columns, rows, stack = (scan.geometry['spacing'][axis]
                            for axis in plane.axes)
    return VolumeView(
        to_eight_bits(plane.slices(scan.values), windows),
        dict(zip(result.ids, result.names, strict=True)),
        {label_id: plane.slices(result.mask(i))
         for i, label_id in enumerate(result.ids)},
        (columns, rows), _numbers(plane), boxes, points)


def _numbers(plane: SlicePlane) -> range:
    """What the plane's slices are called: the voxels' own indices."""
    count = range(plane.size[2])
    return count[::-1] if plane.flipped[2] else count
