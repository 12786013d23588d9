"""The packing of a sample for the model."""

import numpy as np
import torch
from mmcv.transforms import BaseTransform
from mmengine.structures import InstanceData

from mmdbsam.registry import TRANSFORMS
from mmdbsam.structures.prompt_data_sample import PromptDataSample


@TRANSFORMS.register_module()
class PackPromptSample(BaseTransform):
    """Pack image, prompts and masks into the model's input.

    The transform returns ``inputs``, a uint8 tensor (3, h, w) with RGB, or
    with the grey values in all three channels, and ``data_samples``, a
    :class:`.PromptDataSample`. The sample has prompts, ``gt_instances`` if
    there are masks, and the meta information ``task`` and ``case`` (names),
    ``block`` (start, stop), ``slice_index``, ``ori_shape``, ``img_shape``,
    ``scale_factor``, ``flip``, ``flip_direction``, ``prompt`` (how the prompts
    were made) and, if clicks are to be simulated, ``clicks`` (their number)
    and ``turns`` (see :class:`.ClickPromptsFromMask`).
    """

    META_KEYS = ('task', 'block', 'slice_index', 'ori_shape', 'img_shape',
                 'scale_factor', 'flip', 'flip_direction', 'prompt')
    PROMPT_KEYS = ('labels', 'boxes', 'ori_boxes', 'draws', 'references',
                   'points', 'rough_masks', 'has_box', 'has_mask')

    def transform(self, results: dict) -> dict:
        """Pack the results."""
        sample = PromptDataSample(metainfo=dict(
            case=results['case'].name,
            **{key: results[key] for key in self.META_KEYS}))
        if 'clicks' in results:
            sample.set_metainfo(dict(clicks=results['clicks'],
                                     turns=results['turns']))
        sample.prompts = InstanceData(**{
            key: torch.from_numpy(np.ascontiguousarray(results[key]))
            for key in self.PROMPT_KEYS if key in results
        })
        if 'masks' in results:
            sample.gt_instances = InstanceData(masks=torch.from_numpy(
                np.ascontiguousarray(results['masks'])))
        return dict(inputs=image_tensor(results['img']), data_samples=sample)


def image_tensor(image: np.ndarray) -> torch.Tensor:
    """An image, uint8 (H, W) or RGB (H, W, 3), as a tensor (3, H, W)."""
    return torch.from_numpy(
        np.stack([image] * 3) if image.ndim == 2
        else np.ascontiguousarray(image.transpose(2, 0, 1)))
