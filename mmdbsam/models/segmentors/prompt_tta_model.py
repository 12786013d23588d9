"""Test-time augmentation: several views of a slice, one prediction."""

from typing import List, Sequence, Union

import torch
from mmengine.model import BaseTTAModel
from mmengine.structures import InstanceData
from torch import Tensor, nn

from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample

# Dimensions of (K, H, W) that a direction of RandomFlip mirrors.
_MIRRORED = {None: (), 'horizontal': (2, ), 'vertical': (1, ),
             'diagonal': (1, 2)}


@MODELS.register_module()
class PromptTTAModel(BaseTTAModel):
    """Average the logits of a slice's flipped views.

    The counterpart of mmseg's ``SegTTAModel``. The views come from mmcv's
    ``TestTimeAug`` in the pipeline; each is flipped back on the original
    slice's grid.

    Args:
        module: The :class:`.PromptSegmentor`, or its config.
    """

    def __init__(self, module: Union[dict, nn.Module]) -> None:
        super().__init__(module)
        self.module.keep_logits = True

    def merge_preds(self, data_samples_list: List[
            Sequence[PromptDataSample]]) -> List[PromptDataSample]:
        """Make one prediction of those for the views of each slice.

        Args:
            data_samples_list: For each slice, its views with their
                ``pred_instances``.

        Returns:
            list[PromptDataSample]: For each slice, its first view with
            ``pred_instances`` from the mean logits; the predicted IoU is the
            mean of the views'.
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
