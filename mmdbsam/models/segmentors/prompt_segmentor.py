"""The promptable segmentor: encode an image once, decode its prompts."""

from typing import Dict, List, Optional, Tuple, Union

import torch
import torch.nn.functional as F
from mmengine.dist import all_reduce_dict
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import Tensor

from mmdbsam.models.embedding_cache import EmbeddingCache
from mmdbsam.models.segmentors.clicks import decode_clicks
from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample
from mmdbsam.weights.loading import load_pretrained

Points = Tuple[Tensor, Tensor]

# More are decoded in parts, whose memory does not grow with their number.
_PROMPTS_AT_ONCE = 64


@MODELS.register_module()
class PromptSegmentor(BaseModel):
    """An image encoder, a prompt encoder and a mask head.

    Loads the official SAM state dicts (``image_encoder.*``,
    ``prompt_encoder.*``, ``mask_decoder.*``) as well as its own.

    Args:
        image_encoder: Config; the encoder maps (B, 3, S, S) to
            (B, 256, h, w) and has ``img_size`` and ``out_size``.
        prompt_encoder: Config; gets its sizes from the image encoder.
        mask_head: Config.
        data_preprocessor: Config.
        pretrained: Checkpoint of SAM whose weights the model starts from;
            the added blocks, which it does not know, keep their
            initialisation.
        embedding_cache: Arguments of an :class:`~mmdbsam.models.
            embedding_cache.EmbeddingCache`, from which tests and inference
            take the embeddings of images that they have seen before.
        keep_logits: Whether predictions have, beside the masks, the
            ``logits`` that these are made from, float32 (K, H, W).
    """

    mask_threshold = 0.

    def __init__(self,
                 image_encoder: dict,
                 prompt_encoder: dict,
                 mask_head: dict,
                 data_preprocessor: dict,
                 pretrained: Optional[str] = None,
                 embedding_cache: Optional[dict] = None,
                 keep_logits: bool = False) -> None:
        super().__init__(MODELS.build(data_preprocessor))
        self.image_encoder = MODELS.build(image_encoder)
        self.prompt_encoder = MODELS.build(
            dict(prompt_encoder, image_size=self.image_encoder.img_size,
                 embedding_size=self.image_encoder.out_size))
        self.mask_head = MODELS.build(mask_head)
        self.pretrained = pretrained
        self.embedding_cache = (EmbeddingCache(**embedding_cache)
                                if embedding_cache else None)
        self.keep_logits = keep_logits

    def init_weights(self) -> None:
        """Initialise, then load the pretrained weights if there are any.

        Raises:
            InputError: If they are missing or of another architecture.
        """
        super().init_weights()
        if self.pretrained:
            load_pretrained(self, self.pretrained)

    @property
    def mask_input_size(self) -> Tuple[int, int]:
        """(4h, 4w), the size of logits, and of masks as prompts."""
        return self.prompt_encoder.mask_input_size

    def encode_image(self, images: Tensor) -> Tensor:
        """The embedding of images, to be decoded for any number of prompts.

        Args:
            images: (B, 3, S, S), normalised and padded by the data
                preprocessor.

        Returns:
            Tensor: (B, 256, h, w).
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
            embedding: (1, 256, h, w).
            boxes: (n, 4), x0, y0, x1, y1 in pixels of the input.
            points: Coordinates (n, P, 2) in pixels of the input, and labels
                (n, P): 1 foreground, 0 background, -1 padding.
            masks: (n, 1, 4h, 4w), logits of an earlier decoding.
            multimask_output: Three masks a prompt instead of one.

        Returns:
            tuple: Low-resolution logits (n, 1 or 3, 4h, 4w) and the predicted
            IoU (n, 1 or 3).
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
        """mmengine's entry point.

        Args:
            inputs: (B, 3, S, S).
            data_samples: B samples with ``prompts.boxes``; for the loss with
                ``gt_instances.masks`` (K, S, S). For 'predict' they may have,
                instead of boxes, ``clicks`` to simulate, see
                :func:`decode_clicks`.
            mode: 'loss', 'predict', or 'tensor' for the bare logits.

        Returns:
            The losses; or the samples with their ``pred_instances``; or a list
            of the logits and predicted IoU of each image.
        """
        embeddings = self.encode_image(inputs)
        if mode == 'predict':
            for embedding, sample in zip(embeddings, data_samples,
                                         strict=True):
                sample.pred_instances = self._predict(embedding[None], sample)
            return data_samples
        decoded = [
            self.decode_prompts(embedding[None], boxes=sample.prompts.boxes)
            for embedding, sample in zip(embeddings, data_samples,
                                         strict=True)
        ]
        if mode == 'tensor':
            return decoded
        logits = torch.cat([logits for logits, _ in decoded])
        masks = torch.cat([sample.gt_instances.masks
                           for sample in data_samples])
        return self.mask_head.loss(logits, masks)

    def _predict(self, embedding: Tensor,
                 sample: PromptDataSample) -> InstanceData:
        """Masks and predicted IoU of a sample's prompts."""
        if 'clicks' in sample:
            decoded = [decode_clicks(self, embedding, sample)]
        else:
            decoded = [self.decode_prompts(embedding, boxes=boxes) for boxes
                       in sample.prompts.boxes.split(_PROMPTS_AT_ONCE)]
        masks, kept = [], []
        for logits, _ in decoded:
            on_image = logits_on_image(
                logits, self.image_encoder.img_size, sample.img_shape,
                sample.ori_shape)[:, 0]
            masks.append(on_image > self.mask_threshold)
            if self.keep_logits:
                kept.append(on_image)
        predicted = InstanceData(masks=torch.cat(masks), iou=torch.cat(
            [iou[:, 0].float() for _, iou in decoded]))
        if self.keep_logits:
            predicted.logits = torch.cat(kept)
        return predicted

    def parse_losses(
            self, losses: Dict[str, Tensor]
    ) -> Tuple[Tensor, Dict[str, Tensor]]:
        """Add the losses up; what is logged is the mean over the ranks."""
        loss, logged = super().parse_losses(losses)
        logged = {name: value.detach().clone()
                  for name, value in logged.items()}
        all_reduce_dict(logged, op='mean')
        return loss, logged

    def to_masks(self, logits: Tensor, img_shape: Tuple[int, int],
                 ori_shape: Tuple[int, int]) -> Tensor:
        """Masks on the original image from single-mask logits.

        Args:
            logits: (n, 1, 4h, 4w).
            img_shape: (h, w) of the resized image, before padding.
            ori_shape: (H, W) of the original image.

        Returns:
            Tensor: (n, H, W), bool.
        """
        logits = logits_on_image(logits, self.image_encoder.img_size,
                                 img_shape, ori_shape)
        return logits[:, 0] > self.mask_threshold

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args) -> None:
        official = f'{prefix}mask_decoder.'
        for key in [k for k in state_dict if k.startswith(official)]:
            name = key[len(official):]
            state_dict[f'{prefix}mask_head.{name}'] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)


def logits_on_image(logits: Tensor, side: int, img_shape: Tuple[int, int],
                    ori_shape: Tuple[int, int]) -> Tensor:
    """Logits on the original image from low-resolution ones.

    Args:
        logits: (n, M, 4h, 4w).
        side: S, of the padded input.
        img_shape: (h, w) of the resized image, before padding.
        ori_shape: (H, W) of the original image.

    Returns:
        Tensor: (n, M, H, W), float32.
    """
    logits = F.interpolate(logits.float(), (side, side), mode='bilinear',
                           align_corners=False)
    logits = logits[..., :img_shape[0], :img_shape[1]]
    return F.interpolate(logits, ori_shape, mode='bilinear',
                         align_corners=False)
