"""Runs a model on images and prompts in the images' own pixels."""

from dataclasses import dataclass
from typing import Iterable, List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from mmengine.logging import print_log
from torch import Tensor, nn

from mmdbsam.apis.onnx_model import OnnxModel
from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.engine.precision import NOTE, amp_dtype
from mmdbsam.geometry.resizing import resize_coordinates
from mmdbsam.models.heads.sam_prompt_encoder import rough_mask_logits
from mmdbsam.models.segmentors import PromptSegmentor, logits_on_image


@dataclass(frozen=True)
class EncodedImage:
    """An image that can be asked for masks.

    Attributes:
        embedding: The image's embedding, (1, C, h, w).
        shape: The image's own size, (H, W).
        resized: The image's size in the model's input, (height, width).
    """

    embedding: Tensor
    shape: Tuple[int, int]
    resized: Tuple[int, int]


@dataclass(frozen=True)
class ImagePrompts:
    """Prompts of n objects, in pixels of the image.

    Attributes:
        boxes: One box for each object, x0, y0, x1, y1, (n, 4).
        points: P points for each object, x, y, (n, P, 2).
        point_labels: The points' labels, (n, P): 1 on the object, 0 on the
            background, -1 for padding.
        masks: One rough mask for each object, bool (n, H, W).
    """

    boxes: Optional[np.ndarray] = None
    points: Optional[np.ndarray] = None
    point_labels: Optional[np.ndarray] = None
    masks: Optional[np.ndarray] = None


class SliceModel:
    """A model with the steps that lead from a slice to its input.

    Args:
        model: A model in evaluation mode, on its device, or an exported one.
        preprocess: The steps from a slice to the model's input.
        amp: Whether to compute in mixed precision, see :func:`.amp_dtype`.
    """

    def __init__(self, model: Union[nn.Module, OnnxModel],
                 preprocess: Preprocessor,
                 amp: Union[bool, str, None] = None) -> None:
        self.model = model
        self.preprocess = preprocess
        self.device = model.data_preprocessor.device
        self.dtype = amp_dtype(amp, self.device.type)
        if amp and self.dtype == torch.float32:
            print_log(NOTE, logger='current')

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, self.dtype,
                              enabled=self.dtype != torch.float32)


class ImageModel(SliceModel):
    """Encodes images, and decodes their prompts; see :class:`SliceModel`."""

    model: Union[PromptSegmentor, OnnxModel]

    @torch.no_grad()
    def encode(self, images: Iterable[np.ndarray]) -> List[EncodedImage]:
        """Encode images of one size at once.

        Args:
            images: The images, each uint8 (H, W) or (H, W, 3).

        Returns:
            list[EncodedImage]: The encoded images, in the same order.
        """
        images = list(images)
        inputs, resized = self.preprocess(images)
        with self._precision():
            embeddings = self.model.encode_image(inputs)
        return [EncodedImage(embedding, images[0].shape[:2], resized)
                for embedding in embeddings.split(1)]

    @torch.no_grad()
    def decode(self, image: EncodedImage, prompts: ImagePrompts,
               multimask_output: bool = False) -> Tuple[Tensor, Tensor]:
        """Decode the prompts of n objects in an image at once.

        Args:
            image: The encoded image.
            prompts: The prompts, in pixels of the image.
            multimask_output: Whether to return M = 3 masks for each object
                instead of M = 1.

        Returns:
            tuple: Logits float32 (n, M, H, W) on the image's pixels, and the
            predicted IoU float32 (n, M).
        """
        logits, iou = self._decode(image, prompts, None, multimask_output)
        return self._on_image(logits, image), iou.float()

    @torch.no_grad()
    def refine(self, image: EncodedImage, turns: Sequence[ImagePrompts],
               logits: Optional[Tensor] = None
               ) -> Tuple[Tensor, Tensor, Tensor]:
        """Decode the prompts of one object, turn by turn.

        Each turn is decoded with the answer of the turn before as its mask
        prompt, as in training (:class:`.Refinement`). If a turn's prompts are
        of several parts of the object, its answer is all of them together.

        Args:
            image: The encoded image.
            turns: The prompts of each turn, in pixels of the image.
            logits: The low-resolution logits before the first turn,
                (1, 1, 4h, 4w), if there was one already.

        Returns:
            tuple: Logits float32 (H, W) on the image's pixels; the predicted
            IoU, a scalar, averaged over parts; and the low-resolution logits,
            (1, 1, 4h, 4w), for a later turn.
        """
        for prompts in turns:
            parts, ious = self._decode(image, prompts, logits)
            logits = parts.amax(dim=0, keepdim=True)
        return self._on_image(logits, image)[0, 0], ious.float().mean(), logits

    def _decode(self, image: EncodedImage, prompts: ImagePrompts,
                logits: Optional[Tensor], multimask_output: bool = False
                ) -> Tuple[Tensor, Tensor]:
        """Decode to low-resolution logits, which may follow on others."""
        boxes = points = None
        masks = logits
        if prompts.boxes is not None:
            boxes = self._on_input(prompts.boxes.reshape(-1, 2, 2), image)
            boxes = boxes.flatten(1)
        if prompts.points is not None:
            points = (self._on_input(prompts.points, image),
                      torch.from_numpy(prompts.point_labels).to(self.device))
        if prompts.masks is not None and logits is None:
            masks = self._mask_logits(prompts.masks, image)
        with self._precision():
            return self.model.decode_prompts(
                image.embedding, boxes=boxes, points=points, masks=masks,
                multimask_output=multimask_output)

    def _on_image(self, logits: Tensor, image: EncodedImage) -> Tensor:
        return logits_on_image(logits, self.model.data_preprocessor.size,
                               image.resized, image.shape)

    def _on_input(self, points: np.ndarray, image: EncodedImage) -> Tensor:
        moved = resize_coordinates(points.astype(np.float32), image.shape,
                                   image.resized)
        return torch.from_numpy(moved).to(self.device)

    def _mask_logits(self, masks: np.ndarray, image: EncodedImage) -> Tensor:
        """Turn rough masks into the logits of SAM's mask prompt.

        The masks are resized as images are; a pixel's logit follows the share
        of the pixel that the mask covers.

        Returns:
            Tensor: Logits (n, 1, 4h, 4w), as if of an earlier decoding.
        """
        height, width = image.resized
        how = (cv2.INTER_AREA if max(image.resized) < max(image.shape)
               else cv2.INTER_LINEAR)
        resized = np.stack([
            cv2.resize(mask.astype(np.float32), (width, height),
                       interpolation=how) for mask in masks])
        side = self.model.data_preprocessor.size
        shares = torch.from_numpy(resized)[:, None].to(self.device)
        shares = F.pad(shares, (0, side - width, 0, side - height))
        return rough_mask_logits(shares, self.model.mask_input_size)
