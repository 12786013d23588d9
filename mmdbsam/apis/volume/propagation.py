"""Follows objects from slice to slice."""

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

# In pixels; a share of a small mask's box would be next to nothing.
_LEAST_MARGIN = 2.
# The share of the largest component's area below which one is a speck.
_SPECK = 0.1

# It takes the object, the slice, its logits (H, W) and its predicted IoU.
Sink = Callable[[int, int, np.ndarray, float], None]


@dataclass(frozen=True)
class PropagationRule:
    """The rule by which an object is followed, and by which it ends.

    A mask that breaks the rule is dropped, and the object ends before it.

    Attributes:
        margin: The share of a mask's box by which each side of the box is
            moved outwards, by 2 px at least, to become the box of the next
            slice. Specks of the mask are left out of its box.
        min_area: The least number of pixels of a mask.
        min_iou: The least predicted IoU of a mask.
        min_overlap: The least DSC of a mask with the one before it.
        max_grey_change: The greatest difference between a mask's median grey
            value, 0 to 255 within the window, and that on the seed's slice.

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
        """Say whether a mask continues the object that was followed.

        Args:
            mask: The mask, bool (H, W).
            image: The mask's slice, uint8 (H, W) or (H, W, 3).
            iou: The mask's predicted IoU.
            before: The object so far.
        """
        return (np.count_nonzero(mask) >= self.min_area
                and iou >= self.min_iou
                and _dice(before.mask, mask) >= self.min_overlap
                and np.abs(median_grey(image, mask) - before.grey).max()
                <= self.max_grey_change)

    def next_box(self, mask: np.ndarray) -> np.ndarray:
        """Make the next slice's box (4,) from a slice's mask."""
        box = tight_boxes(without_specks(mask)[None])[0]
        sides = np.tile(box[2:] - box[:2], 2)
        moves = np.maximum(self.margin * sides, _LEAST_MARGIN)
        last = np.array(mask.shape[::-1] * 2) - 1
        return (box + moves * np.array([-1, -1, 1, 1])).clip(0, last)


@dataclass(frozen=True)
class Followed:
    """An object that is being followed.

    Attributes:
        mask: The object's latest mask, bool (H, W).
        grey: The median grey value on the seed's slice, or the three medians,
            (3,), of RGB.
    """

    mask: np.ndarray
    grey: np.ndarray


def _dice(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the DSC of two masks, bool (H, W), not both of them empty."""
    return 2 * np.count_nonzero(first & second) / (
        np.count_nonzero(first) + np.count_nonzero(second))


def median_grey(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Compute the median of an image (H, W) or (H, W, 3) within a mask."""
    return np.median(image[mask], axis=0)


def propagate(slices: PlaneSlices,
              seeds: Mapping[int, Tuple[int, ImagePrompts]],
              rule: PropagationRule, sink: Sink,
              progress: bool = False) -> None:
    """Follow objects from their seeds, up and down, all at once.

    Args:
        slices: The slices.
        seeds: The slice of each object's seed and its prompt there, by the
            object's number.
        rule: The rule by which objects are followed.
        sink: The function that is called with each mask found.
        progress: Whether to show progress bars.
    """
    starts: Dict[int, Dict[int, Followed]] = {}
    order = sorted(seeds, key=lambda number: seeds[number][0])
    for done, number in enumerate(order, start=1):
        index, prompt = seeds[number]
        (logits, ), (iou, ) = slices.segment(index, prompt, [
            *(seeds[later][0] for later in order[done:]),
            *(i for i in (index + 1, index - 1) if 0 <= i < len(slices))])
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
    """Go through the slices one way, with the objects that have begun."""
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
    """Drop the components of a mask that are specks beside the largest.

    Args:
        mask: The mask, bool (H, W).

    Returns:
        np.ndarray: The mask, bool (H, W), without components that are smaller
        than a tenth of the largest.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return (areas >= max(1, _SPECK * areas.max()))[labels]
