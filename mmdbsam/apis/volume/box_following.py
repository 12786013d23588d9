"""Finds an object within a 3-D box, in all of its parts.

From the box's middle outwards, its outline prompts some slices, and each
answer is asked for again by its own box. The object begins on the first slice
on which the predicted IoU is then high. If there is none, the outline holds
more of other organs than of the object, and its halves, quarters and ninths
are tried. From there, the object is followed both ways with boxes that come
from its masks.

A box that was drawn about an object is touched by it on all six sides. If what
was found does not come near to one of them, a part is missing. Then parts of
the outline are tried there. The answers are followed in the order of their
predicted IoU, and are kept if they look like the object and come nearer to
such a side.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np

from mmdbsam.apis.image_model import ImagePrompts
from mmdbsam.apis.volume.propagation import (
    Followed,
    Found,
    Limit,
    PropagationRule,
    dice,
    median_grey,
    sweep,
)
from mmdbsam.apis.volume.slices import PlaneSlices
from mmdbsam.geometry.boxes import bounding_box

# The number of slices on which the outline is tried.
_TRIALS = 9
# An object begins at once where its predicted IoU is as high as this.
_SURE = 0.88
# An outline with a shorter side, in pixels, is not tried in parts.
_LEAST_SIDE = 16
# What a place at an end of the box counts less than the middle, if the object
# is nowhere sure. At the ends, the outline holds more of other organs.
_END = 0.2
# Answers that agree more than this, by their DSC, are the same.
_SAME = 0.5
# Another part needs at least this predicted IoU, and only so many are tried.
_PART_IOU = 0.8
_PARTS_TRIED = 6
# An object is near to a side of its box that is no further off than this share
# of the box, or this many voxels.
_NEAR_SHARE = 0.05
_NEAR_VOXELS = 2


@dataclass(frozen=True)
class Trial:
    """An answer to a trial on a slice.

    Attributes:
        found: The answer, without what is outside of the outline.
        grey: The median grey value within its mask.
    """

    found: Found
    grey: np.ndarray

    @property
    def mask(self) -> np.ndarray:
        """The answer's mask, bool (H, W)."""
        return self.found.logits > 0


def find_starts(slices: PlaneSlices, limit: Limit, number: int,
                rule: PropagationRule) -> List[Trial]:
    """Look for an object in its 3-D box.

    Args:
        slices: The slices.
        limit: The box.
        number: The object's number.
        rule: The rule by which the object is followed.

    Returns:
        list[Trial]: What was found. The first is where the object begins.
        Masks that are smaller than the rule allows are left out.
    """
    trials: List[Trial] = []
    order = _trial_slices(limit)
    for boxes in (limit.box[None], _in_parts(limit.box)):
        for done, z in enumerate(order, start=1):
            found = _try(slices, z, boxes, limit, number, rule, order[done:])
            if found and found[0].found.iou >= _SURE:
                return [found[0], *trials, *found[1:]]
            trials += found
    return sorted(trials, key=lambda one: _rank(one, limit), reverse=True)


def _trial_slices(limit: Limit) -> List[int]:
    """Choose slices, each in the middle of its part of a box.

    The slices in the middle of the box come first.
    """
    count = min(_TRIALS, limit.last - limit.first + 1)
    edges = np.linspace(limit.first, limit.last + 1, 2 * count + 1)
    middle = (limit.first + limit.last) / 2
    return sorted(edges[1::2].astype(int).tolist(),
                  key=lambda z: abs(z - middle))


def _try(slices: PlaneSlices, index: int, boxes: np.ndarray, limit: Limit,
         number: int, rule: PropagationRule, following: Sequence[int] = ()
         ) -> List[Trial]:
    """Try boxes (m, 4) on a slice, and ask for each answer again.

    Returns:
        list[Trial]: The different ones of the answers, the best first.
    """
    for _ in range(2):
        if not len(boxes):
            return []
        logits, ious = slices.segment(index, ImagePrompts(boxes=boxes),
                                      following)
        logits = limit.clip(logits)
        kept = _different(logits > 0, ious, rule)
        asked, boxes = boxes, rule.next_boxes(
            [logits[i] > 0 for i in kept], limit) if kept else kept
    image = slices.image(index)
    return [Trial(Found(number, index, logits[i], float(ious[i]),
                        asked[i:i + 1]),
                  median_grey(image, logits[i] > 0)) for i in kept]


def _different(masks: np.ndarray, ious: np.ndarray, rule: PropagationRule
               ) -> List[int]:
    """Choose the best ones of a slice's answers that are alike.

    Args:
        masks: The masks, bool (n, H, W).
        ious: Their predicted IoU, (n,).
        rule: The rule that says how small a mask may be.

    Returns:
        list[int]: The places of the chosen ones, the best first.
    """
    kept: List[int] = []
    for i in np.argsort(-ious).tolist():
        if np.count_nonzero(masks[i]) >= rule.min_area and not any(
                dice(masks[i], masks[j]) > _SAME for j in kept):
            kept.append(i)
    return kept


def _rank(trial: Trial, limit: Limit) -> float:
    """Rank a place to begin, by predicted IoU and distance to the middle."""
    half = max(1., (limit.last - limit.first) / 2)
    off = abs(trial.found.index - (limit.first + limit.last) / 2) / half
    return trial.found.iou - _END * off


def follow_both_ways(slices: PlaneSlices, trial: Trial, limit: Limit,
                     rule: PropagationRule) -> Iterator[Found]:
    """Follow an object from a trial."""
    index = trial.found.index
    begun = Followed.begin(slices.image(index), trial.mask, limit)
    for step in (1, -1):
        stop = limit.last + 1 if step > 0 else limit.first - 1
        yield from sweep(slices, {index: {trial.found.number: begun}},
                         range(index, stop, step), rule)


def other_parts(slices: PlaneSlices, trials: List[Trial],
                masks: Dict[int, np.ndarray], limit: Limit,
                rule: PropagationRule) -> Iterator[Found]:
    """Find the parts of an object that were missed.

    Args:
        slices: The slices.
        trials: The object's trials; the first is the one it began with.
        masks: The object's masks so far, bool (H, W), by their slices.
        limit: The object's box.
        rule: The rule by which it is followed.

    Yields:
        What is found on each slice. A part may also be on slices that show
        another one.
    """
    start, *others = trials
    masks, gaps, tried = dict(masks), _gaps(masks, limit), 0
    if not gaps.any():
        return
    for z, boxes in _missing_parts(masks, gaps, limit).items():
        others += _try(slices, z, boxes, limit, start.found.number, rule)
    for trial in sorted(others, key=lambda one: one.found.iou, reverse=True):
        known = masks.get(trial.found.index)
        if (trial.found.iou < _PART_IOU or tried == _PARTS_TRIED
                or not gaps.any()):
            return
        if (np.abs(trial.grey - start.grey).max() > rule.max_grey_change
                or known is not None and 2 * (trial.mask & known).sum()
                > trial.mask.sum()):
            continue
        tried += 1
        part = [trial.found, *follow_both_ways(slices, trial, limit, rule)]
        with_part = dict(masks)
        for found in part:
            mask = found.logits > 0
            with_part[found.index] = mask | masks.get(found.index, False)
        nearer = _gaps(with_part, limit)
        if (nearer < gaps / 2)[gaps > 0].any():
            masks, gaps = with_part, nearer
            yield from part


def _gaps(masks: Dict[int, np.ndarray], limit: Limit) -> np.ndarray:
    """Measure how far an object ends from the sides of its 3-D box.

    Returns:
        np.ndarray: The distances in voxels from the sides at x0, y0, z0, x1,
        y1 and z1, float (6,); 0 where the object is near to the side.
    """
    shown = {z: mask for z, mask in masks.items() if mask.any()}
    rows, columns = bounding_box(np.any(list(shown.values()), axis=0))
    low = np.array([*limit.box[:2], limit.first])
    high = np.array([*limit.box[2:], limit.last])
    near = np.maximum(_NEAR_SHARE * (high - low), _NEAR_VOXELS)
    gaps = np.concatenate([
        np.array([columns.start, rows.start, min(shown)]) - low,
        high - [columns.stop - 1, rows.stop - 1, max(shown)]])
    return np.where(gaps > np.tile(near, 2), gaps, 0)


def _missing_parts(masks: Dict[int, np.ndarray], gaps: np.ndarray,
                   limit: Limit) -> Dict[int, np.ndarray]:
    """Choose parts of the outline where an object may have been missed.

    Args:
        masks: The object's masks so far, by their slices.
        gaps: How far they end from the sides of the box, (6,).
        limit: The box.

    Returns:
        dict[int, np.ndarray]: The parts, (m, 4), by their slices. Beyond the
        masks, these are the outline and all its parts; elsewhere, they are the
        parts at a side which the masks do not come near to.
    """
    parts = _in_parts(limit.box)
    touching = ((parts == limit.box) & (gaps[[0, 1, 3, 4]] > 0)).any(axis=1)
    chosen = {}
    for z in _trial_slices(limit):
        beyond = gaps[2] and z < min(masks) or gaps[5] and z > max(masks)
        own = (np.concatenate([limit.box[None], parts]) if beyond
               else parts[touching])
        if len(own):
            chosen[z] = own
    return chosen


def _in_parts(box: np.ndarray) -> np.ndarray:
    """Return the halves, quarters and ninths of an outline, (n, 4)."""
    low, sides = box[:2], box[2:] - box[:2]
    if sides.min() < _LEAST_SIDE:
        return np.zeros((0, 4))
    boxes = []
    for grid in ((1, 2), (2, 1), (2, 2), (3, 3)):
        for place in np.ndindex(*grid):
            # The outermost sides are those of the outline, to the last bit.
            corners = np.stack([place, np.add(place, 1)]) / grid
            boxes.append((low + sides * corners).ravel())
    boxes = np.stack(boxes)
    return np.where(np.isclose(boxes, box), box, boxes)


def beginning(limit: Limit, trials: List[Trial]
              ) -> Tuple[int, Tuple[ImagePrompts, ...]]:
    """Return the slice on which an object begins, and the prompt there."""
    if not trials:
        return ((limit.first + limit.last) // 2,
                (ImagePrompts(boxes=limit.box[None]), ))
    return trials[0].found.index, (ImagePrompts(boxes=trials[0].found.boxes), )
