"""Following objects from slice to slice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Dict, Tuple

import numpy as np
from rich.progress import track
from scipy import ndimage

from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.apis.plane_slices import PlaneSlices
from mmdbsam.datasets.transforms.prompts import tight_boxes
from mmdbsam.errors import InputError
from mmdbsam.evaluation import DSC, MaskPair

# Object, slice, logits (H, W) and predicted IoU.
Sink = Callable[[int, int, np.ndarray, float], None]


@dataclass(frozen=True)
class PropagationRule:
    """How an object is followed, and when that ends.

    A mask that breaks the rule is dropped, and the object ends before it.

    Attributes:
        margin: Pixels that every side of a mask's box is moved outwards to
            be the box of the next slice.
        min_area: Pixels that a mask must have.
        min_iou: The predicted IoU that it must have.
        min_overlap: DSC that it must have with the mask before it.

    Raises:
        InputError: If a value is out of its range.
    """

    margin: float = 2.
    min_area: int = 20
    min_iou: float = 0.5
    min_overlap: float = 0.3

    def __post_init__(self) -> None:
        if self.margin < 0 or self.min_area < 1:
            raise InputError(
                'propagation: expected margin >= 0 and min_area >= 1, found '
                f'{self.margin:g} and {self.min_area}')
        for name in ('min_iou', 'min_overlap'):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f'propagation: expected {name} in 0..1, '
                                 f'found {getattr(self, name):g}')

    def keeps(self, mask: np.ndarray, previous: np.ndarray, iou: float
              ) -> bool:
        """Whether a mask, bool (H, W), follows the one before it."""
        return (np.count_nonzero(mask) >= self.min_area
                and iou >= self.min_iou
                and DSC()(MaskPair(previous, mask, (1, 1)))
                >= self.min_overlap)

    def next_box(self, mask: np.ndarray) -> np.ndarray:
        """The box (4,) of the slice after a mask's."""
        box = tight_boxes(largest_component(mask)[None])[0]
        last = np.array(mask.shape[::-1] * 2) - 1
        return (box + self.margin * np.array([-1, -1, 1, 1])).clip(0, last)


def propagate(slices: PlaneSlices,
              seeds: Mapping[int, Tuple[int, ImagePrompts]],
              rule: PropagationRule, sink: Sink,
              progress: bool = False) -> None:
    """Follow objects from their seeds, up and down, all at once.

    Args:
        slices: The slices.
        seeds: Object to its slice and its prompt there.
        rule: How they are followed.
        sink: Takes what is found.
        progress: Show a progress bar.
    """
    starts: Dict[int, Dict[int, np.ndarray]] = {}
    for number, (index, prompt) in sorted(seeds.items(),
                                          key=lambda seed: seed[1][0]):
        (logits, ), (iou, ) = slices.segment(index, prompt)
        sink(number, index, logits, float(iou))
        mask = logits > 0
        if np.count_nonzero(mask) >= rule.min_area:
            starts.setdefault(index, {})[number] = mask
    for step in (1, -1):
        _sweep(slices, starts, range(len(slices))[::step], rule, sink,
               progress)


def _sweep(slices: PlaneSlices, starts: Dict[int, Dict[int, np.ndarray]],
           order: range, rule: PropagationRule, sink: Sink,
           progress: bool) -> None:
    """One way through the slices, with the objects that have begun."""
    followed: Dict[int, np.ndarray] = {}
    for index in track(order, 'following', disable=not progress):
        if followed:
            boxes = np.stack([rule.next_box(m) for m in followed.values()])
            logits, ious = slices.segment(
                index, ImagePrompts(boxes=boxes),
                range(index + order.step, order.stop, order.step))
            for number, found, iou in zip(list(followed), logits, ious,
                                          strict=True):
                previous = followed.pop(number)
                if rule.keeps(found > 0, previous, float(iou)):
                    sink(number, index, found, float(iou))
                    followed[number] = found > 0
        followed.update(starts.get(index, {}))


def largest_component(mask: np.ndarray) -> np.ndarray:
    """The component of a mask with most voxels, corners connecting.

    Args:
        mask: bool, of any dimension.

    Returns:
        bool of the same shape; an empty mask stays empty.
    """
    labels, count = ndimage.label(mask, np.ones((3, ) * mask.ndim))
    if count < 2:
        return mask
    return labels == 1 + np.bincount(labels.ravel())[1:].argmax()
