"""The promptable segmentor, which encodes an image once for all prompts."""

from functools import partial
from typing import Dict, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce_dict
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.models.embedding_cache import EmbeddingCache
from mmdbsam.models.heads.sam_mask_head import mask_targets
from mmdbsam.models.heads.sam_prompt_encoder import ABSENT
from mmdbsam.models.segmentors.refinement import (
    Answer,
    PromptSet,
    Refinement,
    prompt_set,
)
from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample
from mmdbsam.weights.loading import load_pretrained

Points = Tuple[Tensor, Tensor]

# More prompts than these are decoded in parts, so that the memory that they
# need does not grow with their number.
_PROMPTS_AT_ONCE = 64


@MODELS.register_module()
class PromptSegmentor(BaseModel):
    """An image encoder, a prompt encoder and a mask head.

    The segmentor loads the official SAM state dicts (``image_encoder.*``,
    ``prompt_encoder.*``, ``mask_decoder.*``) as well as its own.

    Args:
        image_encoder: Config of the image encoder, which maps images
            (B, 3, S, S) to embeddings (B, 256, h, w) and has ``img_size`` and
            ``out_size``.
        prompt_encoder: Config of the prompt encoder, which gets its sizes
            from the image encoder.
        mask_head: Config of the mask head.
        data_preprocessor: Config of the data preprocessor, which gets its
            ``size`` from the image encoder.
        pretrained: Path of a checkpoint of SAM whose weights the model starts
            from. The added blocks, which the checkpoint does not have, keep
            their initialisation.
        embedding_cache: Arguments of an :class:`.EmbeddingCache`, from which
            tests and inference take the embeddings of images that they have
            seen before.
        refinement: Arguments of a :class:`.Refinement`, whose rounds of
            clicks follow the first answer in training. Without them, the
            first answer alone is trained.

    Attributes:
        keep_logits (bool): Whether predictions have, beside the masks, the
            ``logits`` that these are made from, float32 (K, H, W); test-time
            augmentation averages them.
        resampling (str): The way of the logits to the original image, see
            :func:`logits_on_image`. Evaluations set it by their protocol.
    """

    mask_threshold = 0.
    keep_logits = False
    resampling = 'input'

    def __init__(self,
                 image_encoder: dict,
                 prompt_encoder: dict,
                 mask_head: dict,
                 data_preprocessor: dict,
                 pretrained: Optional[str] = None,
                 embedding_cache: Optional[dict] = None,
                 refinement: Optional[dict] = None) -> None:
        encoder = MODELS.build(image_encoder)
        super().__init__(MODELS.build(
            {'size': encoder.img_size, **data_preprocessor}))
        self.image_encoder = encoder
        self.prompt_encoder = MODELS.build(
            dict(prompt_encoder, image_size=self.image_encoder.img_size,
                 embedding_size=self.image_encoder.out_size))
        self.mask_head = MODELS.build(mask_head)
        self.pretrained = pretrained
        self.embedding_cache = (EmbeddingCache(**embedding_cache)
                                if embedding_cache else None)
        self.refinement = Refinement(**(refinement or dict(rounds=0)))
        if self.refinement.multimask != self.mask_head.trains_multimask:
            raise InputError(
                'model: expected refinement.multimask and '
                'mask_head.trains_multimask to be the same, found '
                f'{self.refinement.multimask} and '
                f'{self.mask_head.trains_multimask}')

    def init_weights(self) -> None:
        """Initialise the model, then load its pretrained weights, if any.

        Raises:
            InputError: If the weights are missing or of another architecture.
        """
        super().init_weights()
        if self.pretrained:
            load_pretrained(self, self.pretrained)

    @property
    def mask_input_size(self) -> Tuple[int, int]:
        """The size (4h, 4w) of logits and of masks that are prompts."""
        return self.prompt_encoder.mask_input_size

    def encode_image(self, images: Tensor) -> Tensor:
        """Encode images, to be decoded with any number of prompts.

        Args:
            images: The images as the data preprocessor has normalised and
                padded them, (B, 3, S, S).

        Returns:
            Tensor: The embeddings, (B, 256, h, w).
        """
        if (self.embedding_cache is None or self.training
                or torch.is_grad_enabled()):
            return self.image_encoder(images)
        return self.embedding_cache.encode(self.image_encoder, images)

    def decode_prompts(self,
                       embedding: Tensor,
                       boxes: Optional[Tensor] = None,
                       points: Optional[Points] = None,
                       masks: Optional[Tensor] = None,
                       multimask_output: bool = False
                       ) -> Tuple[Tensor, Tensor]:
        """Decode n prompts of one image.

        Args:
            embedding: The embedding of the image, (1, 256, h, w).
            boxes: The boxes, (n, 4), as x0, y0, x1, y1 in pixels of the input.
            points: The coordinates of the points, (n, P, 2), in pixels of the
                input, and their labels, (n, P): 1 for foreground, 0 for
                background, -1 for padding.
            masks: The logits of an earlier decoding, (n, 1, 4h, 4w).
            multimask_output: Whether to decode three masks for each prompt
                instead of one.

        Returns:
            tuple: The low-resolution logits, (n, 1 or 3, 4h, 4w), and the
            predicted IoU, (n, 1 or 3).
        """
        sparse, dense = self.prompt_encoder(points=points, boxes=boxes,
                                            masks=masks)
        return self.mask_head(
            image_embeddings=embedding,
            image_pe=self.prompt_encoder.get_dense_pe(),
            sparse_prompt_embeddings=sparse,
            dense_prompt_embeddings=dense,
            multimask_output=multimask_output)

    def forward(self,
                inputs: Tensor,
                data_samples: List[PromptDataSample],
                mode: str = 'tensor') -> Union[Dict[str, Tensor], list]:
        """Run the mode that mmengine asks for, as mmseg's segmentors do.

        Args:
            inputs: The preprocessed images, (B, 3, S, S).
            data_samples: B samples with what the mode's method needs.
            mode: 'loss' for :meth:`loss`, 'predict' for :meth:`predict`, or
                'tensor' for the logits and the predicted IoU of each image as
                :meth:`decode_prompts` returns them.

        Raises:
            ValueError: If ``mode`` is another word.
        """
        if mode == 'loss':
            return self.loss(inputs, data_samples)
        if mode == 'predict':
            return self.predict(inputs, data_samples)
        if mode == 'tensor':
            return self._forward(inputs, data_samples)
        raise ValueError("mode: expected 'loss', 'predict' or 'tensor', "
                         f"found '{mode}'")

    def loss(self, inputs: Tensor,
             data_samples: List[PromptDataSample]) -> Dict[str, Tensor]:
        """Compute the mask head's losses over all prompts of a batch.

        An image is encoded once for all of its prompts and all rounds of the
        :class:`.Refinement`. A loss is the mean over the rounds, or as its
        ``box_share`` weights them.

        Args:
            inputs: The preprocessed images, (B, 3, S, S).
            data_samples: B samples with ``prompts.boxes`` (K, 4) and
                ``gt_instances.masks`` (K, S, S), and perhaps other prompts of
                the K objects, see :class:`.PromptDataSample`. K may differ
                from sample to sample.

        Returns:
            dict[str, Tensor]: The value of each loss by its name.
        """
        answers = [self._answers(embedding[None], sample)
                   for embedding, sample in zip(self.encode_image(inputs),
                                                data_samples, strict=True)]
        rounds = [self.mask_head.loss(*(torch.cat(parts) for parts
                                        in zip(*of_round, strict=True)))
                  for of_round in zip(*answers, strict=True)]
        return {name: self.refinement.mean([found[name] for found in rounds])
                for name in rounds[0]}

    def _answers(self, embedding: Tensor,
                 sample: PromptDataSample) -> List[Answer]:
        """Decode the prompts of an image in all rounds of a training."""
        prompts = prompt_set(sample.prompts, self.mask_input_size)
        targets = mask_targets(sample.gt_instances.masks,
                               self.mask_input_size)
        return self.refinement.answers(
            partial(self._decode_set, embedding), prompts,
            sample.prompts.boxes, targets, sample.img_shape,
            self.image_encoder.img_size)

    def _decode_set(self, embedding: Tensor, prompts: PromptSet,
                    wanted: slice) -> Tuple[Tensor, Tensor]:
        """Decode prompts of different kinds together, for training."""
        encoder = self.prompt_encoder
        tokens = prompts.coordinates, prompts.labels
        masks = encoder.with_clicks(prompts.masks, *tokens)
        return self.mask_head.decode_masks(
            embedding, encoder.get_dense_pe(), encoder.embed_tokens(*tokens),
            encoder.embed_masks(masks, prompts.has_mask), wanted,
            is_absent=prompts.labels == ABSENT)

    def predict(self, inputs: Tensor, data_samples: List[PromptDataSample]
                ) -> List[PromptDataSample]:
        """Predict the masks of a batch's boxes on the original images.

        Args:
            inputs: The preprocessed images, (B, 3, S, S).
            data_samples: B samples with ``prompts.boxes`` (K, 4).

        Returns:
            list[PromptDataSample]: The samples, with ``pred_instances`` as
            :meth:`postprocess` makes them.

        Raises:
            InputError: If a sample has no boxes.
        """
        for embedding, sample in zip(self.encode_image(inputs), data_samples,
                                     strict=True):
            if 'boxes' not in sample.prompts:
                raise InputError(
                    'data_samples.prompts: expected boxes, found '
                    f'{", ".join(sorted(sample.prompts.keys()))}; test clicks '
                    "with test_cfg.type='ClickTestLoop'")
            sample.pred_instances = InstanceData.cat([
                self.postprocess(
                    *self.decode_prompts(embedding[None], boxes=boxes),
                    sample)
                for boxes in sample.prompts.boxes.split(_PROMPTS_AT_ONCE)])
        return data_samples

    def _forward(self, inputs: Tensor, data_samples: List[PromptDataSample]
                 ) -> List[Tuple[Tensor, Tensor]]:
        """Decode the boxes of each image to logits and predicted IoU."""
        return [self.decode_prompts(embedding[None],
                                    boxes=sample.prompts.boxes)
                for embedding, sample in zip(self.encode_image(inputs),
                                             data_samples, strict=True)]

    def postprocess(self, logits: Tensor, iou: Tensor,
                    sample: PromptDataSample) -> InstanceData:
        """Bring the decoded prompts of an image to the image's own grid.

        Args:
            logits: The logits of single-mask decoding, (n, 1, 4h, 4w).
            iou: The predicted IoU, (n, 1).
            sample: The sample of the image, with ``img_shape`` and
                ``ori_shape``.

        Returns:
            InstanceData: The ``masks``, bool (n, H, W), the predicted ``iou``,
            float32 (n), and, with ``keep_logits``, the ``logits``,
            float32 (n, H, W).
        """
        on_image = self._logits_on_image(logits, sample.img_shape,
                                         sample.ori_shape)
        found = InstanceData(masks=on_image > self.mask_threshold,
                             iou=iou[:, 0].float())
        if self.keep_logits:
            found.logits = on_image
        return found

    def parse_losses(
            self, losses: Dict[str, Tensor]
    ) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Add the losses up, and log their means over the ranks."""
        loss, logged = super().parse_losses(losses)
        logged = {name: value.detach().clone()
                  for name, value in logged.items()}
        all_reduce_dict(logged, op='mean')
        return loss, logged

    def to_masks(self, logits: Tensor, img_shape: Tuple[int, int],
                 ori_shape: Tuple[int, int]) -> Tensor:
        """Make masks on the original image from single-mask logits.

        Args:
            logits: The low-resolution logits, (n, 1, 4h, 4w).
            img_shape: (h, w) of the resized image, before padding.
            ori_shape: (H, W) of the original image.

        Returns:
            Tensor: The masks, bool (n, H, W).
        """
        return self._logits_on_image(
            logits, img_shape, ori_shape) > self.mask_threshold

    def _logits_on_image(self, logits: Tensor, img_shape: Tuple[int, int],
                         ori_shape: Tuple[int, int]) -> Tensor:
        return logits_on_image(logits, self.image_encoder.img_size, img_shape,
                               ori_shape, self.resampling)[:, 0]

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args) -> None:
        official = f'{prefix}mask_decoder.'
        for key in [k for k in state_dict if k.startswith(official)]:
            name = key[len(official):]
            state_dict[f'{prefix}mask_head.{name}'] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)


def logits_on_image(logits: Tensor, side: int, img_shape: Tuple[int, int],
                    ori_shape: Tuple[int, int],
                    resampling: str = 'input') -> Tensor:
    """Resample low-resolution logits to the grid of the original image.

    The logits cover the padded input. SAM interpolates them twice, and so
    smooths them: to the input's size and, without the padding, to the original
    size. DB-SAM's release tests images of the logits' size and interpolates
    nothing.

    Args:
        logits: The low-resolution logits, (n, M, 4h, 4w).
        side: The side S of the padded input, in pixels.
        img_shape: (h, w) of the resized image, before padding.
        ori_shape: (H, W) of the original image.
        resampling: 'input' to interpolate twice, by way of the input, or
            'direct' to interpolate once, and not at all where the original
            image is as large as the logits.

    Returns:
        Tensor: The logits, float32 (n, M, H, W).
    """
    if resampling == 'direct':
        longest = max(ori_shape)
        logits = F.interpolate(logits.float(), (longest, longest),
                               mode='bilinear', align_corners=False)
        return logits[..., :ori_shape[0], :ori_shape[1]]
    logits = F.interpolate(logits.float(), (side, side), mode='bilinear',
                           align_corners=False)
    logits = logits[..., :img_shape[0], :img_shape[1]]
    return F.interpolate(logits, ori_shape, mode='bilinear',
                         align_corners=False)
