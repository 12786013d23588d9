"""The transforms of a slice into a sample for models without prompts."""

from typing import TYPE_CHECKING

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import PixelData

from mmdbsam.datasets.transforms.formatting import image_tensor
from mmdbsam.registry import TRANSFORMS

if TYPE_CHECKING:
    from mmseg.structures import SegDataSample


@TRANSFORMS.register_module()
class ClassMapFromLabels(BaseTransform):
    """Turn a slice's labels into the class of each pixel.

    The transform needs ``label`` and removes it, and needs ``class_ids``. It
    adds ``gt_seg_map``, uint8 (H, W): 0 for the background, and otherwise the
    class, counted from 1. A pixel with several labels is of the class that
    comes last.
    """

    def transform(self, results: dict) -> dict:
        """Replace the labels by the classes."""
        label = results.pop('label')
        table = np.zeros(1 + max(int(label.max()), *results['class_ids']),
                         np.uint8)
        table[results['class_ids']] = np.arange(
            1, 1 + len(results['class_ids']))
        results['gt_seg_map'] = table[label].max(axis=0)
        return results


@TRANSFORMS.register_module()
class RandomCropToClass(BaseTransform):
    """Crop a part that shows the class that the sample was drawn for.

    A random pixel of the class ``wanted`` is in the crop, at a random place.
    Without such a pixel, or if ``wanted`` is 0, any part is cropped.

    Args:
        size: The longest sides of the crop, in pixels. A side of the image
            that is no longer than this stays as it is.
    """

    def __init__(self, size: int) -> None:
        self.size = size

    def transform(self, results: dict) -> dict:
        """Crop image and class map."""
        rng, classes = results['rng'], results['gt_seg_map']
        shape = np.array(classes.shape)
        last = np.maximum(shape - self.size, 0)
        low, high = np.zeros(2, int), last
        wanted = results['wanted']
        pixels = np.flatnonzero(classes == wanted) if wanted else ()
        if len(pixels):
            pixel = np.array(divmod(int(rng.choice(pixels)), shape[1]))
            low = np.maximum(pixel - self.size + 1, 0)
            high = np.minimum(pixel, last)
        top, left = rng.integers(np.minimum(low, last), high, endpoint=True)
        crop = slice(top, top + self.size), slice(left, left + self.size)
        results.update(img=results['img'][crop], gt_seg_map=classes[crop])
        results['img_shape'] = results['gt_seg_map'].shape
        return results


@TRANSFORMS.register_module()
class PackSemanticSample(BaseTransform):
    """Pack image and class map into the model's input.

    The transform returns ``inputs``, a uint8 tensor (3, h, w), and
    ``data_samples``, a ``SegDataSample`` of mmsegmentation. The sample has
    ``gt_sem_seg``, int64 (1, h, w), if there is a class map, and the meta
    information ``ori_shape``, ``img_shape``, ``scale_factor``, ``flip``,
    ``flip_direction`` and ``img_path``; for a slice of a prepared case also
    ``task`` and ``case`` (names), ``block`` (start, stop) and ``slice_index``.
    """

    META_KEYS = ('task', 'block', 'slice_index', 'ori_shape', 'img_shape',
                 'scale_factor', 'flip', 'flip_direction')

    def transform(self, results: dict) -> dict:
        """Pack the results."""
        meta = {key: results[key] for key in self.META_KEYS if key in results}
        # mmseg's test-time augmentation asks for a path.
        path = results.get('img_path')
        if 'case' in results:
            case = results['case']
            meta['case'], path = case.name, str(case.folder / 'image.npy')
        sample = seg_data_sample(img_path=path, **meta)
        if 'gt_seg_map' in results:
            classes = results['gt_seg_map'][None].astype(np.int64)
            sample.gt_sem_seg = PixelData(data=torch.from_numpy(classes))
        return dict(inputs=image_tensor(results['img']), data_samples=sample)


def seg_data_sample(**meta: object) -> 'SegDataSample':
    """A sample of mmsegmentation with meta information."""
    # Only what runs without prompts needs mmsegmentation.
    from mmseg.structures import SegDataSample
    return SegDataSample(metainfo=meta)
