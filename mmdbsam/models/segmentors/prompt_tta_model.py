"""Test-time augmentation, one prediction from several views of a slice."""

from typing import List, Sequence, Union

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample

# The dimensions of (K, H, W) that each direction of RandomFlip mirrors.
_MIRRORED = {None: (), 'horizontal': (2, ), 'vertical': (1, ),
             'diagonal': (1, 2)}


@MODELS.register_module()
class PromptTTAModel(BaseTTAModel):
    """Average the logits of a slice's flipped views.

    This is the counterpart of mmseg's ``SegTTAModel``. The views come from
    mmcv's ``TestTimeAug`` in the pipeline. The logits of each view are flipped
    back on the grid of the original slice.

    Args:
        module: The :class:`.PromptSegmentor`, or its config.
    """

    def __init__(self, module: Union[dict, nn.Module]) -> None:
        super().__init__(module)
        self.module.keep_logits = True

    def merge_preds(self, data_samples_list: List[
            Sequence[PromptDataSample]]) -> List[PromptDataSample]:
        """Merge the predictions for the views of each slice into one.

        Args:
            data_samples_list: The views of each slice, with their
                ``pred_instances``.

        Returns:
            list[PromptDataSample]: The first view of each slice, with
            ``pred_instances`` from the mean logits and with the mean of the
            predicted IoUs.
        """
        return [self._merge(views) for views in data_samples_list]

    def _merge(self, views: Sequence[PromptDataSample]) -> PromptDataSample:
        logits = _mean([
            view.pred_instances.logits.flip(_MIRRORED[view.flip_direction])
            for view in views])
        iou = _mean([view.pred_instances.iou for view in views])
        merged = views[0]
        merged.pred_instances = InstanceData(
            masks=logits > self.module.mask_threshold, iou=iou, logits=logits)
        return merged


def _mean(tensors: Sequence[Tensor]) -> Tensor:
    return torch.stack(list(tensors)).mean(dim=0)
