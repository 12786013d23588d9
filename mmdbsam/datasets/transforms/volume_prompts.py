"""Box prompts from the extent of a structure over all its slices."""

import numpy as np
from mmcv.transforms import BaseTransform
from scipy import ndimage

from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class VolumeBoxPromptsFromMask(BaseTransform):
    """Prompt all slices of a structure with one 3-D box around it.

    This simulates a reader who draws one box for each structure. In every
    slice of a block, from a label's first to its last, the label is prompted
    with the box around its whole extent in the block, even where it is
    missing. The data set has to deliver those slices (``gaps=True``).

    The transform needs ``case``, ``block`` and ``slice_index``, and removes
    ``label``. It adds ``labels`` (ids, int64 (K,)), ``boxes`` and
    ``ori_boxes`` (float32 (K, 4)), both like :class:`BoxPromptsFromMask`, and
    ``prompt`` (how the prompts were made, for the report).
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
        label: Label ids in layers, (L, D, H, W); 0 is background.

    Returns:
        dict[int, np.ndarray]: By ascending id, int64 (6,): the first z, y, x,
        and the last.
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
