"""Following objects from slice to slice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Dict, Tuple

import numpy as np
from rich.progress import track
from scipy import ndimage

from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.apis.volume.slices import PlaneSlices
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes

# Pixels, for small masks.
_LEAST_MARGIN = 2.
# Of the largest component's area.
_SPECK = 0.1

# Object, slice, logits (H, W) and predicted IoU.
Sink = Callable[[int, int, np.ndarray, float], None]


@dataclass(frozen=True)
class PropagationRule:
    """How an object is followed, and when that ends.

    A mask that breaks the rule is dropped, and the object ends before it.

    Attributes:
        margin: Share of a mask's box, specks left out, by which each of its
            sides is moved outwards, by 2 px at least, to be the box of the
            next slice.
        min_area: Pixels that a mask must have.
        min_iou: The predicted IoU that it must have.
        min_overlap: DSC that it must have with the mask before it.
        max_grey_change: How far its median grey value, 0 to 255 within the
            window, may be from that on the seed's slice.

    Raises:
        InputError: If a value is out of its range.
    """

    margin: float = 0.05
    min_area: int = 20
    min_iou: float = 0.5
    min_overlap: float = 0.3
    max_grey_change: float = 60.

    def __post_init__(self) -> None:
        for name, lowest, highest in (
                ('margin', 0, np.inf), ('min_area', 1, np.inf),
                ('min_iou', 0, 1), ('min_overlap', 0, 1),
                ('max_grey_change', 0, 255)):
            if not lowest <= getattr(self, name) <= highest:
                raise InputError(
                    f'propagation: expected {name} in {lowest}..{highest}, '
                    f'found {getattr(self, name):g}')

    def keeps(self, mask: np.ndarray, image: np.ndarray, iou: float,
              before: 'Followed') -> bool:
        """Whether a mask, bool (H, W), goes on with what was followed.

        Args:
            mask: The mask.
            image: Its slice, uint8 (H, W) or (H, W, 3).
            iou: Its predicted IoU.
            before: The object.
        """
        return (np.count_nonzero(mask) >= self.min_area
                and iou >= self.min_iou
                and _dice(before.mask, mask) >= self.min_overlap
                and np.abs(median_grey(image, mask) - before.grey).max()
                <= self.max_grey_change)

    def next_box(self, mask: np.ndarray) -> np.ndarray:
        """The box (4,) of the slice after a mask's."""
        box = tight_boxes(without_specks(mask)[None])[0]
        sides = np.tile(box[2:] - box[:2], 2)
        moves = np.maximum(self.margin * sides, _LEAST_MARGIN)
        last = np.array(mask.shape[::-1] * 2) - 1
        return (box + moves * np.array([-1, -1, 1, 1])).clip(0, last)


@dataclass(frozen=True)
class Followed:
    """An object on its way.

    Attributes:
        mask: The latest, bool (H, W).
        grey: Median on the seed's slice; of RGB, (3,).
    """

    mask: np.ndarray
    grey: np.ndarray


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    """The DSC of two masks, bool (H, W), which are not both empty."""
    return 2 * np.count_nonzero(first & second) / (
        np.count_nonzero(first) + np.count_nonzero(second))


def median_grey(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Of a mask's pixels in an image (H, W) or (H, W, 3)."""
    return np.median(image[mask], axis=0)


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
    starts: Dict[int, Dict[int, Followed]] = {}
    for number, (index, prompt) in sorted(seeds.items(),
                                          key=lambda seed: seed[1][0]):
        (logits, ), (iou, ) = slices.segment(index, prompt)
        sink(number, index, logits, float(iou))
        mask = logits > 0
        if np.count_nonzero(mask) >= rule.min_area:
            starts.setdefault(index, {})[number] = Followed(
                mask, median_grey(slices.image(index), mask))
    for step in (1, -1):
        _sweep(slices, starts, range(len(slices))[::step], rule, sink,
               progress)


def _sweep(slices: PlaneSlices, starts: Dict[int, Dict[int, Followed]],
           order: range, rule: PropagationRule, sink: Sink,
           progress: bool) -> None:
    """One way through the slices, with the objects that have begun."""
    followed: Dict[int, Followed] = {}
    for index in track(order, 'following', disable=not progress):
        if followed:
            boxes = np.stack([rule.next_box(one.mask)
                              for one in followed.values()])
            logits, ious = slices.segment(
                index, ImagePrompts(boxes=boxes),
                range(index + order.step, order.stop, order.step))
            image = slices.image(index)
            for number, found, iou in zip(list(followed), logits, ious,
                                          strict=True):
                before = followed.pop(number)
                if rule.keeps(found > 0, image, float(iou), before):
                    sink(number, index, found, float(iou))
                    followed[number] = Followed(found > 0, before.grey)
        followed.update(starts.get(index, {}))


def without_specks(mask: np.ndarray) -> np.ndarray:
    """A mask's components that are no speck beside the largest.

    Args:
        mask: bool (H, W).

    Returns:
        bool (H, W), without components of less than a tenth of the largest.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return (areas >= max(1, _SPECK * areas.max()))[labels]
