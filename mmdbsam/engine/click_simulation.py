"""Simulated clicks on a model's errors, by which SAM is tested with points."""

from __future__ import annotations

from typing import TYPE_CHECKING, List, Optional, Sequence, Tuple

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from mmdbsam.structures.prompt_data_sample import PromptDataSample

if TYPE_CHECKING:
    from mmdbsam.models import PromptSegmentor


def predict_clicks(model: PromptSegmentor, inputs: Tensor,
                   data_samples: List[PromptDataSample]
                   ) -> List[PromptDataSample]:
    """Predict the masks of a batch's labels from simulated clicks.

    Args:
        model: The model, in evaluation mode.
        inputs: The preprocessed images, (B, 3, S, S).
        data_samples: B samples as :func:`decode_clicks` needs them.

    Returns:
        list[PromptDataSample]: The samples, with ``pred_instances`` like those
        of the model's own ``predict``. In sessions, which have ``turns``, the
        ``pred_instances`` also have the masks of all T predictions as
        ``turns``, bool (K, T, H, W).
    """
    for embedding, sample in zip(model.encode_image(inputs), data_samples,
                                 strict=True):
        answers = decode_clicks(model, embedding[None], sample)
        sample.pred_instances = model.postprocess(*answers[-1], sample)
        if sample.turns:
            sample.pred_instances.turns = torch.stack([
                model.postprocess(*answer, sample).masks
                for answer in answers], dim=1)
    return data_samples


def decode_clicks(model: PromptSegmentor, embedding: Tensor,
                  sample: PromptDataSample) -> List[Tuple[Tensor, Tensor]]:
    """Decode a sample's labels click by click, from one encoding.

    Without boxes, the first click is in the centre of the label's largest
    region. Each further click is in the centre of the largest region that is
    wrong in the last mask. It is a foreground point where the mask misses the
    label, and a background point where the mask exceeds it. All clicks so far
    are decoded together, with the last logits as mask prompt (Segment
    Anything, section 3, "training"). A mask without errors gets no further
    click and stays as it is. The single mask is always taken, as in training,
    and not the best of SAM's three.

    Args:
        model: The model, whose prompt encoder knows points and masks.
        embedding: The embedding of the image, (1, 256, h, w).
        sample: The sample of the image, with ``prompts.references``
            (K, H, W), perhaps ``prompts.boxes`` (K, 4), ``clicks``,
            ``img_shape`` and ``ori_shape``. The clicks are written to its
            ``prompts.points``.

    Returns:
        list[tuple]: The logits, (K, 1, 4h, 4w), and the predicted IoU, (K, 1),
        after the boxes, if there are any, and after each click.
    """
    references = sample.prompts.references.cpu().numpy().astype(bool)
    boxes = sample.prompts.get('boxes')
    # segment_anything's order is x and y.
    scale = np.divide(sample.img_shape, sample.ori_shape)[::-1]
    points = np.zeros((len(references), sample.clicks, 2))
    kinds = np.full(points.shape[:2], -1)
    predicted, logits, answers = np.zeros_like(references), None, []
    for count in range(boxes is None, sample.clicks + 1):
        for k, masks in enumerate(zip(references, predicted, strict=True)):
            click = next_click(*masks) if count else None
            if click is not None:
                *point, kinds[k, count - 1] = click
                points[k, count - 1] = point * scale
        given = (torch.tensor(points[:, :count], dtype=torch.float32,
                              device=embedding.device),
                 torch.tensor(kinds[:, :count], device=embedding.device))
        answer = model.decode_prompts(embedding, boxes=boxes,
                                      points=given if count else None,
                                      masks=logits)
        if answers:
            goes_on = given[1][:, -1:] >= 0
            answer = (torch.where(goes_on[..., None, None], answer[0],
                                  logits),
                      torch.where(goes_on, answer[1], answers[-1][1]))
        answers.append(answer)
        logits = answer[0]
        predicted = model.to_masks(logits, sample.img_shape,
                                   sample.ori_shape).cpu().numpy()
    sample.prompts.points = torch.from_numpy(
        np.concatenate([points / scale, kinds[..., None]], axis=2))
    return answers


def next_click(reference: np.ndarray, predicted: np.ndarray,
               spacing: Optional[Sequence[float]] = None
               ) -> Optional[Tuple[int, ...]]:
    """The centre of the largest region in which a mask is wrong.

    It is a pixel of that region as far from its border as any, and of those
    the nearest to its centroid. The image's border is one of every region.

    Args:
        reference: The mask as it should be, bool (H, W) or (D, H, W).
        predicted: The mask that was predicted, bool, of the same shape.
        spacing: The spacing along each axis, in the masks' order, for the
            distances to the border; without it, they are in pixels.

    Returns:
        tuple[int, ...] or None: The pixel as x, y and, in a volume, z; and 1
        if it belongs to the reference or 0 if it does not. None if there is no
        error.
    """
    best, size = None, 0
    for kind, wrong in ((1, reference & ~predicted),
                        (0, predicted & ~reference)):
        regions, number = ndimage.label(wrong)
        if not number:
            continue
        sizes = np.bincount(regions.ravel())[1:]
        largest = int(sizes.argmax())
        if sizes[largest] > size:
            size = sizes[largest]
            box = ndimage.find_objects(regions)[largest]
            place = _centre(regions[box] == largest + 1, spacing)
            best = (*(part.start + i for part, i in zip(
                box[::-1], place[::-1], strict=True)), kind)
    return best


def _centre(region: np.ndarray, spacing: Optional[Sequence[float]]
            ) -> Tuple[int, ...]:
    """The index of a region's centre.

    The region is cropped to its bounding box.
    """
    depth = ndimage.distance_transform_edt(np.pad(region, 1), spacing)
    depth = depth[(slice(1, -1), ) * region.ndim]
    deepest = np.argwhere(depth == depth.max())
    offsets = deepest - np.argwhere(region).mean(axis=0)
    if spacing is not None:
        offsets = offsets * spacing
    return tuple(deepest[(offsets**2).sum(axis=1).argmin()].tolist())
