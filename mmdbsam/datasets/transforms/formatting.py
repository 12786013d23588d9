"""Packing a sample for the model."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import BaseDataElement, InstanceData

from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class PackPromptSample(BaseTransform):
    """Pack image, prompts and masks into what the model takes.

    Returns ``inputs``, a uint8 tensor (3, h, w): RGB, or the grey values in
    all three channels; and ``data_samples``, a ``BaseDataElement`` with

    - metainfo: ``task`` and ``case`` (names), ``block`` (start, stop),
      ``slice_index``, ``ori_shape``, ``img_shape``, ``scale_factor``,
      ``flip``, ``prompt`` (how the prompts were made), ``clicks`` (their
      number, if clicks are to be simulated);
    - ``prompts``: ``labels`` int64 (K,); ``boxes`` float32 (K, 4) in pixels
      of the input, ``ori_boxes`` float32 (K, 4) in pixels of the original
      slice (before any flip) and ``draws`` int64 (K,), or
      ``references`` bool (K, H, W) to simulate clicks from;
    - ``gt``, if there are masks: ``masks`` uint8 (K, h, w) in {0, 1}.
    """

    META_KEYS = ('task', 'block', 'slice_index', 'ori_shape', 'img_shape',
                 'scale_factor', 'flip', 'prompt')
    PROMPT_KEYS = ('labels', 'boxes', 'ori_boxes', 'draws', 'references')

    def transform(self, results: dict) -> dict:
        """Pack the results."""
        sample = BaseDataElement(metainfo=dict(
            case=results['case'].name,
            **{key: results[key] for key in self.META_KEYS}))
        if 'clicks' in results:
            sample.set_metainfo(dict(clicks=results['clicks']))
        sample.prompts = InstanceData(**{
            key: torch.from_numpy(results[key])
            for key in self.PROMPT_KEYS if key in results
        })
        if 'masks' in results:
            sample.gt = InstanceData(masks=torch.from_numpy(
                np.ascontiguousarray(results['masks'])))
        return dict(inputs=image_tensor(results['img']), data_samples=sample)


def image_tensor(image: np.ndarray) -> torch.Tensor:
    """uint8 (H, W) or RGB (H, W, 3) as uint8 (3, H, W)."""
    return torch.from_numpy(
        np.stack([image] * 3) if image.ndim == 2
        else np.ascontiguousarray(image.transpose(2, 0, 1)))
