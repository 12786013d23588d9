"""Box prompts from the extent of a structure in all of its slices."""

import numpy as np
from mmcv.transforms import BaseTransform
from scipy import ndimage

from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class VolumeBoxPromptsFromMask(BaseTransform):
    """Prompt all slices of a structure by one 3-D box around it.

    As a reader would who draws one box a structure: in every slice of a
    block from a label's first to its last, the label is prompted by the box
    around all of them, even where it is missing. The data set has to deliver
    those slices, ``gaps=True``.

    Needs ``case``, ``block`` and ``slice_index``, and takes ``label`` out.
    Adds ``labels`` (int64 (K,), ids), ``boxes`` and ``ori_boxes`` (float32
    (K, 4)), both as :class:`BoxPromptsFromMask` does, and ``prompt`` (how the
    prompts were made, for the report).
    """

    def __init__(self) -> None:
        self._known: dict = {}

    def transform(self, results: dict) -> dict:
        """Replace the label map by prompts."""
        del results['label']
        case, (start, stop) = results['case'], results['block']
        key = (case.folder, start, stop)
        if key not in self._known:
            self._known[key] = volume_boxes(case.label()[:, start:stop])
        z = results['slice_index'] - start
        here = {label_id: [x0, y0, x1, y1] for
                label_id, (z0, y0, x0, z1, y1, x1) in self._known[key].items()
                if z0 <= z <= z1}
        boxes = np.array(list(here.values()), np.float32).reshape(-1, 4)
        results.update(labels=np.array(list(here), np.int64), boxes=boxes,
                       ori_boxes=boxes.copy(),
                       prompt='one 3-D box a label and block of slices')
        return results


def volume_boxes(label: np.ndarray) -> dict[int, np.ndarray]:
    """The boxes around labels.

    Args:
        label: Label ids (L, D, H, W), in layers, 0 is background.

    Returns:
        dict[int, np.ndarray]: Id to int64 (6,): the first z, y, x, and the
        last; by ascending id.
    """
    boxes: dict[int, np.ndarray] = {}
    for layer in label:
        for label_id, found in enumerate(ndimage.find_objects(layer), 1):
            if found is None:
                continue
            first = np.array([axis.start for axis in found])
            last = np.array([axis.stop - 1 for axis in found])
            if label_id in boxes:
                first = np.minimum(first, boxes[label_id][:3])
                last = np.maximum(last, boxes[label_id][3:])
            boxes[label_id] = np.concatenate([first, last])
    return dict(sorted(boxes.items()))
