"""Refines what was found without prompts by a model with prompts."""

from dataclasses import replace
from typing import Any

import numpy as np
from mmengine.logging import print_log

from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.apis.known_embeddings import KnowingImageModel, KnownEmbeddings
from mmdbsam.apis.semantic_inferencer import SemanticInferencer
from mmdbsam.apis.volume.prompts import CoarseLabels
from mmdbsam.structures.results import VolumeResult, VolumeTiming


class RefiningInferencer:
    """Gives the boxes of automatic masks to a promptable model.

    Each slice of a mask becomes a box. If both models have the same encoder,
    with the same weights, slices are encoded once for both.

    Args:
        automatic: The model without prompts.
        promptable: The model with prompts.
    """

    def __init__(self, automatic: SemanticInferencer,
                 promptable: PromptInferencer) -> None:
        self.automatic = automatic
        self.promptable = promptable
        self.model = automatic.model
        self._image_model = promptable.model
        self.shares_encoder = automatic.model.shares_encoder(promptable.model)
        if not self.shares_encoder:
            print_log('the models have different encoders, so that slices are '
                      'encoded twice', logger='current')

    def segment_volume(self, volume: Any, axes: str = 'axial',
                       **options: Any) -> VolumeResult:
        """Find all structures in a volume, and refine their masks.

        The boxes are those of the largest component of each structure if that
        is asked for, as is usual, because a stray voxel would make them large.

        Args:
            volume: See :meth:`.SemanticInferencer.segment_volume`.
            axes: See :meth:`.SemanticInferencer.segment_volume`.
            **options: Further options of that method.

        Returns:
            VolumeResult: The refined masks on the volume's own grid. The
            probabilities, if they are asked for, are those before.

        Raises:
            InputError: In the same cases as that method and
                :meth:`.PromptInferencer.segment_volume`.
        """
        known = (KnownEmbeddings() if self.shares_encoder and axes == 'axial'
                 else None)
        first = self.automatic.segment_volume(volume, axes, known=known,
                                              **options)
        found = [i for i, mask in enumerate(first.masks) if mask.bits.size]
        if not found:
            return first
        options.pop('probabilities', None)
        self.promptable.model = (self._image_model if known is None else
                                 KnowingImageModel(self._image_model, known))
        second = self.promptable.segment_volume(
            volume, CoarseLabels(first.labels), axes, **options)
        return _joined(first, second)


def _joined(first: VolumeResult, second: VolumeResult) -> VolumeResult:
    """The masks of the second result, under the names of the first."""
    masks, confidence = list(first.masks), np.array(first.confidence)
    for label_id, mask, iou in zip(second.ids, second.masks,
                                   second.confidence, strict=True):
        place = first.ids.index(label_id)
        masks[place], confidence[place] = mask, iou
    seconds = first.timing.seconds + second.timing.seconds
    return replace(first, masks=masks, confidence=confidence,
                   timing=VolumeTiming(
                       first.timing.slices, seconds,
                       max(first.timing.workers, second.timing.workers)))
