"""Runs a model that segments slices without prompts."""

from collections.abc import Sequence
from typing import List, Optional

import numpy as np
import torch
from torch import Tensor

from mmdbsam.apis.image_model import ImageModel, SliceModel
from mmdbsam.apis.known_embeddings import KnownEmbeddings
from mmdbsam.datasets.transforms.loading import with_neighbours
from mmdbsam.datasets.transforms.semantic import seg_data_sample
from mmdbsam.io.windowing import Window, to_eight_bits


class SemanticModel(SliceModel):
    """Predicts the class of each pixel; see :class:`.SliceModel`.

    Attributes:
        known (KnownEmbeddings or None): Where the embeddings of slices are
            kept for a promptable model with the same encoder.
    """

    known: Optional[KnownEmbeddings] = None

    @property
    def has_neighbours(self) -> bool:
        """Whether a slice is seen with the slices beside it (2.5-D)."""
        pipeline = self.model.cfg.test_dataloader.dataset.pipeline
        return any(step.get('neighbours', False) for step in pipeline
                   if step['type'] == 'LoadSlice')

    def image(self, slices: np.ndarray, index: int,
              windows: Sequence[Window]) -> np.ndarray:
        """Return a slice as the model sees it, uint8 (H, W) or (H, W, 3).

        Args:
            slices: The slices of a volume, (D, H, W) or (D, H, W, 3).
            index: The slice.
            windows: The grey-value windows.
        """
        if not self.has_neighbours:
            return to_eight_bits(slices[index], windows)
        return to_eight_bits(
            with_neighbours(slices, index, 0, len(slices)), windows)

    @torch.no_grad()
    def predict(self, images: Sequence[np.ndarray]) -> List[np.ndarray]:
        """Predict the probability of each class, as in testing.

        Args:
            images: Images of one size, each uint8 (H, W) or (H, W, 3).

        Returns:
            list[np.ndarray]: The probabilities of each image, float32
            (classes, H, W), of which the first is the background's.
        """
        inputs, resized = self.preprocess(images)
        shape = tuple(inputs.shape[-2:])
        samples = [seg_data_sample(
            ori_shape=image.shape[:2], img_shape=resized, pad_shape=shape,
            img_padding_size=(0, shape[1] - resized[1], 0,
                              shape[0] - resized[0])) for image in images]
        with self._precision():
            samples = (self.model.predict(inputs, samples)
                       if self.known is None
                       else self._predict_and_keep(images, inputs, samples))
        return [sample.seg_logits.data.float().softmax(0).cpu().numpy()
                for sample in samples]

    def _predict_and_keep(self, images: Sequence[np.ndarray], inputs: Tensor,
                          samples: list) -> list:
        """Do what ``EncoderDecoder.predict`` does, and keep the embeddings."""
        model = self.model
        maps = model.backbone.encoder.stage_maps(inputs)
        for image, embedding in zip(images, maps[-1].split(1), strict=True):
            self.known.keep(image, embedding)
        logits = model.decode_head.predict(
            model.backbone.levels(maps),
            [sample.metainfo for sample in samples], model.test_cfg)
        return model.postprocess_result(logits, samples)

    def shares_encoder(self, other: ImageModel) -> bool:
        """Whether a promptable model would make the same embeddings.

        Its images, its preprocessing, its encoder and the encoder's weights
        must be the same, and this model must see whole slices.
        """
        backbone = self.model.backbone
        if (not hasattr(backbone, 'encoder') or self.has_neighbours
                or self.model.test_cfg.mode != 'whole'
                or self.dtype != other.dtype):
            return False
        own, its = self.model.data_preprocessor, other.model.data_preprocessor
        if type(own) is not type(its) or own.size != its.size or not (
                _equal(own.state_dict(), its.state_dict())):
            return False
        encoder = other.model.image_encoder
        return str(encoder) == str(backbone.encoder) and _equal(
            encoder.state_dict(), backbone.encoder.state_dict())


def _equal(first: dict, second: dict) -> bool:
    return first.keys() == second.keys() and all(
        torch.equal(value, second[name]) for name, value in first.items())
