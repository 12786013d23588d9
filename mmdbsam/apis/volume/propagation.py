"""Follows objects from slice to slice."""

from collections.abc import (
    Callable,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, replace
from typing import Dict, List, NamedTuple, Optional, Tuple

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
# A logit that leaves no probability.
_CERTAIN = 20.

# It takes the object, the slice, its logits (H, W) and its predicted IoU.
Sink = Callable[[int, int, np.ndarray, float], None]


@dataclass(frozen=True)
class Limit:
    """A 3-D box along the slices, which an object does not leave.

    Attributes:
        first: The index of its first slice.
        last: The index of its last slice.
        box: Its outline in each of them, x0, y0, x1, y1, float (4,).
    """

    first: int
    last: int
    box: np.ndarray

    def holds(self, index: int) -> bool:
        """Say whether a slice is within the box."""
        return self.first <= index <= self.last

    def covers(self, index: int, prompts: ImagePrompts) -> bool:
        """Say whether a slice's boxes and points on the object are within.

        Points on the background may be anywhere.
        """
        marks = [np.zeros((0, 2))]
        if prompts.boxes is not None:
            marks.append(prompts.boxes.reshape(-1, 2))
        if prompts.points is not None:
            marks.append(prompts.points[prompts.point_labels == 1])
        marks = np.concatenate(marks)
        return self.holds(index) and bool(
            ((marks >= self.box[:2] - 0.5)
             & (marks <= self.box[2:] + 0.5)).all())

    def clip_boxes(self, boxes: np.ndarray) -> np.ndarray:
        """Cut boxes (m, 4) off at the outline."""
        return boxes.clip(np.tile(self.box[:2], 2), np.tile(self.box[2:], 2))

    def clip(self, logits: np.ndarray) -> np.ndarray:
        """Take everything outside of the outline from logits (..., H, W)."""
        x0, y0 = np.floor(self.box[:2] + 0.5).astype(int)
        x1, y1 = np.floor(self.box[2:] + 0.5).astype(int)
        clipped = np.minimum(logits, -_CERTAIN)
        inside = (..., slice(y0, y1 + 1), slice(x0, x1 + 1))
        clipped[inside] = logits[inside]
        return clipped


@dataclass(frozen=True)
class PropagationRule:
    """The rule by which an object is followed, and by which it ends.

    A mask that breaks the rule is dropped, and the object ends before it. Of
    the answers to a box that leaves much room and to one that leaves little,
    the one with the higher predicted IoU is taken: models that were trained
    with tight boxes fill a loose one, and an object that grows needs it.

    Attributes:
        margin: The share of a mask's box by which each side of the box is
            moved outwards, by 2 px at least, to become a box of the next
            slice; the other box is moved by 2 px. Specks of the mask are left
            out of its box.
        min_area: The least number of pixels of a mask.
        min_iou: The least predicted IoU of a mask.
        min_overlap: The least DSC of a mask with the one before it.
        max_grey_change: The greatest difference between a mask's median grey
            value, 0 to 255 within the window, and that on the seed's slice or,
            within a 3-D box, on the slice before.

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
              part: np.ndarray, grey: np.ndarray) -> bool:
        """Say whether a mask continues a part of the object.

        Args:
            mask: The mask, bool (H, W).
            image: The mask's slice, uint8 (H, W) or (H, W, 3).
            iou: The mask's predicted IoU.
            part: The part on the slice before, bool (H, W).
            grey: The grey value that the mask's median is compared with.
        """
        return (np.count_nonzero(mask) >= self.min_area
                and iou >= self.min_iou
                and dice(part, mask) >= self.min_overlap
                and np.abs(median_grey(image, mask) - grey).max()
                <= self.max_grey_change)

    def next_boxes(self, parts: Sequence[np.ndarray],
                   limit: Optional[Limit]) -> np.ndarray:
        """Make the next slice's boxes (m, 4) from the parts of a mask."""
        boxes = tight_boxes(np.stack(parts))
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        moves = np.maximum(self.margin * sides, _LEAST_MARGIN)
        last = np.array(parts[0].shape[::-1] * 2) - 1
        moved = (boxes + moves * np.array([-1, -1, 1, 1])).clip(0, last)
        return moved if limit is None else limit.clip_boxes(moved)

    def boxes_to_try(self, parts: Sequence[np.ndarray],
                     limit: Optional[Limit]) -> np.ndarray:
        """Make the boxes, (k, m, 4), of which each part's best is taken."""
        wide, close = (rule.next_boxes(parts, limit) for rule in (
            self, replace(self, margin=0.)))
        # The boxes of small parts are the same.
        return np.stack([wide] if np.array_equal(wide, close)
                        else [wide, close])


@dataclass(frozen=True)
class Followed:
    """An object that is being followed.

    Attributes:
        mask: The object's latest mask, bool (H, W).
        grey: The median grey value that later masks are compared with, or the
            three medians, (3,), of RGB.
        limit: The 3-D box that the object does not leave, if there is one.
    """

    mask: np.ndarray
    grey: np.ndarray
    limit: Optional[Limit] = None

    @classmethod
    def begin(cls, image: np.ndarray, mask: np.ndarray,
              limit: Optional[Limit] = None) -> 'Followed':
        """Begin with a mask (H, W) of a slice, uint8 (H, W) or (H, W, 3)."""
        return cls(mask, median_grey(image, mask), limit)

    def may_be_on(self, index: int) -> bool:
        """Say whether the limit allows the object on a slice."""
        return self.limit is None or self.limit.holds(index)

    def on(self, image: np.ndarray, mask: np.ndarray) -> 'Followed':
        """Go on with the mask of the next slice.

        An object without a limit keeps the grey value that it began with, so
        that it does not drift into another.
        """
        if self.limit is None:
            return replace(self, mask=mask)
        return self.begin(image, mask, self.limit)


class Found(NamedTuple):
    """What was found of an object on a slice.

    Attributes:
        number: The object's number.
        index: The slice.
        logits: The logits, float32 (H, W), of all of its parts together.
        iou: The predicted IoU, averaged over the parts by their areas.
        boxes: The boxes of the parts, (m, 4).
    """

    number: int
    index: int
    logits: np.ndarray
    iou: float
    boxes: np.ndarray


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
            starts.setdefault(index, {})[number] = Followed.begin(
                slices.image(index), mask)
    for step in (1, -1):
        order = range(len(slices))[::step]
        for found in sweep(slices, starts, order, rule, progress):
            sink(found.number, found.index, found.logits, found.iou)


def sweep(slices: PlaneSlices, starts: Mapping[int, Mapping[int, Followed]],
          order: range, rule: PropagationRule, progress: bool = False
          ) -> Iterator[Found]:
    """Go through the slices one way, with the objects that have begun.

    Args:
        slices: The slices.
        starts: The objects that begin on each slice, by their numbers.
        order: The slices in their order.
        rule: The rule by which objects are followed.
        progress: Whether to show a progress bar.

    Yields:
        What is found on each slice after the first one of an object.
    """
    followed: Dict[int, Followed] = {}
    for index in track(order, 'following', disable=not progress):
        followed = {number: one for number, one in followed.items()
                    if one.may_be_on(index)}
        if followed:
            ahead = (z for z in range(index + order.step, order.stop,
                                      order.step)
                     if any(one.may_be_on(z) for one in followed.values()))
            for found in _next(slices, index, followed, rule, ahead):
                followed[found.number] = followed[found.number].on(
                    slices.image(index), found.logits > 0)
                yield found
        followed.update(starts.get(index, {}))


def _next(slices: PlaneSlices, index: int, followed: Dict[int, Followed],
          rule: PropagationRule, ahead: Iterable[int]) -> List[Found]:
    """Follow objects to a slice; those that end leave the dict.

    All parts of all objects are decoded at once.
    """
    parts = {number: components(one.mask)
             for number, one in followed.items()}
    boxes = {number: rule.boxes_to_try(parts[number], one.limit)
             for number, one in followed.items()}
    logits, ious = slices.segment(
        index, ImagePrompts(boxes=np.concatenate(
            [one.reshape(-1, 4) for one in boxes.values()])), ahead)
    image = slices.image(index)
    results, done = [], 0
    for number, one in list(followed.items()):
        tried, count, _ = boxes[number].shape
        better = ious[done:done + tried * count].reshape(
            tried, count).argmax(axis=0)
        own = done + better * count + np.arange(count)
        done += tried * count
        answers = logits[own] if one.limit is None else one.limit.clip(
            logits[own])
        kept = [i for i, part in enumerate(parts[number]) if rule.keeps(
            answers[i] > 0, image, float(ious[own][i]), part, one.grey)]
        if not kept:
            del followed[number]
            continue
        chosen = boxes[number][better, np.arange(count)]
        results.append(joined(number, index, answers[kept], ious[own][kept],
                              chosen[kept]))
    return results


def joined(number: int, index: int, logits: np.ndarray, ious: np.ndarray,
           boxes: np.ndarray) -> Found:
    """Join the parts of an object on a slice, of which none is empty.

    Args:
        number: The object's number.
        index: The slice.
        logits: The parts' logits, (m, H, W).
        ious: Their predicted IoU, (m,).
        boxes: Their boxes, (m, 4).
    """
    areas = np.count_nonzero(logits > 0, axis=(1, 2))
    return Found(number, index, logits.max(axis=0),
                 float(np.average(ious, weights=areas)), boxes)


def components(mask: np.ndarray) -> List[np.ndarray]:
    """Split a mask into its connected parts, without specks.

    Args:
        mask: The mask, bool (H, W), not empty.

    Returns:
        list[np.ndarray]: The parts, each bool (H, W), that have at least a
        tenth of the largest part's area.
    """
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    areas = np.bincount(labels.ravel())
    areas[0] = 0
    return [labels == i for i in np.flatnonzero(
        areas >= max(1, _SPECK * areas.max()))]


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the DSC of two masks, bool (H, W), not both of them empty."""
    return 2 * np.count_nonzero(first & second) / (
        np.count_nonzero(first) + np.count_nonzero(second))


def median_grey(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Compute the median of an image (H, W) or (H, W, 3) within a mask."""
    return np.median(image[mask], axis=0)
