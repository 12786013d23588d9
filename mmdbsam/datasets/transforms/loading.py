"""The loading of one slice of a prepared case."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadSlice(BaseTransform):
    """Read a slice's image and labels from the case's memory-mapped arrays.

    The transform needs ``case`` and ``slice_index``. It adds ``img`` (uint8
    (H, W), or (H, W, 3) for RGB), ``label`` (label ids in layers, (L, H, W)),
    ``ori_shape``, ``img_shape``, ``scale_factor``, ``flip`` and
    ``flip_direction``.
    """

    def transform(self, results: dict) -> dict:
        """Add the slice to the results."""
        case, index = results['case'], results['slice_index']
        image = np.array(case.image()[index])
        return dict(
            results,
            img=image,
            label=np.array(case.label()[:, index]),
            ori_shape=image.shape[:2],
            img_shape=image.shape[:2],
            scale_factor=1.0,
            flip=False,
            flip_direction=None)
