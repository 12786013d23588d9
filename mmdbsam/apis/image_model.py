"""The model between images and prompts in their own pixels, and masks."""

from dataclasses import dataclass
from typing import Iterable, List, Optional, Tuple, Union

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from mmdbsam.apis.onnx_model import OnnxModel
from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.engine.precision import half_precision
from mmdbsam.geometry.resizing import resize_coordinates
from mmdbsam.models.segmentors import PromptSegmentor, logits_on_image

# The logit of a rough mask's pixels: as sure as those of SAM's own masks.
_SURE = 10.


@dataclass(frozen=True)
class EncodedImage:
    """An image that can be asked for masks.

    Attributes:
        embedding: (1, C, h, w).
        shape: (H, W) of the image.
        resized: (height, width) of the image in the model's input.
    """

    embedding: Tensor
    shape: Tuple[int, int]
    resized: Tuple[int, int]


@dataclass(frozen=True)
class ImagePrompts:
    """Prompts of n objects, in pixels of the image.

    Attributes:
        boxes: (n, 4), x0, y0, x1, y1.
        points: (n, P, 2), x, y.
        point_labels: (n, P), 1 of the object, 0 of the background, -1
            padding.
        masks: bool (n, H, W).
    """

    boxes: Optional[np.ndarray] = None
    points: Optional[np.ndarray] = None
    point_labels: Optional[np.ndarray] = None
    masks: Optional[np.ndarray] = None


class ImageModel:
    """Encodes images, and decodes their prompts.

    Args:
        model: In evaluation mode, on its device; or an exported one.
        preprocess: From a slice to the model's input.
        amp: Mixed precision.
    """

    def __init__(self, model: Union[PromptSegmentor, OnnxModel],
                 preprocess: Preprocessor, amp: bool = False) -> None:
        self.model = model
        self.preprocess = preprocess
        self.amp = amp
        self.device = model.data_preprocessor.device

    @torch.no_grad()
    def encode(self, images: Iterable[np.ndarray]) -> List[EncodedImage]:
        """Encode images of one size at once.

        Args:
            images: uint8 (H, W) or (H, W, 3).
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
        """Decode n prompts of an image at once.

        Returns:
            tuple: Logits float32 (n, M, H, W) on the image's pixels, and the
            predicted IoU float32 (n, M).
        """
        boxes = points = masks = None
        if prompts.boxes is not None:
            boxes = self._on_input(prompts.boxes.reshape(-1, 2, 2), image)
            boxes = boxes.flatten(1)
        if prompts.points is not None:
            points = (self._on_input(prompts.points, image),
                      torch.from_numpy(prompts.point_labels).to(self.device))
        if prompts.masks is not None:
            masks = self._mask_logits(prompts.masks, image)
        with self._precision():
            logits, iou = self.model.decode_prompts(
                image.embedding, boxes=boxes, points=points, masks=masks,
                multimask_output=multimask_output)
        side = self.model.data_preprocessor.size
        return (logits_on_image(logits, side, image.resized, image.shape),
                iou.float())

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, half_precision(),
                              enabled=self.amp)

    def _on_input(self, points: np.ndarray, image: EncodedImage) -> Tensor:
        moved = resize_coordinates(points.astype(np.float32), image.shape,
                                   image.resized)
        return torch.from_numpy(moved).to(self.device)

    def _mask_logits(self, masks: np.ndarray, image: EncodedImage) -> Tensor:
        """Rough masks as the logits of an earlier decoding, (n, 1, 4h, 4w).

        Resized as images are; a pixel's logit follows the share of it that
        the mask covers.
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
        shares = F.interpolate(
            shares, self.model.mask_input_size, mode='area')
        return (2 * shares - 1) * _SURE
