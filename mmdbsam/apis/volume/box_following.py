"""Finds an object within a 3-D box, in all of its parts.

On some slices, the box's outline and parts of it are tried as prompts, and
each answer is asked for again by its own box. Where the predicted IoU is then
highest, the object begins, and from there it is followed both ways with boxes
that come from its masks.

A box that was drawn about an object is touched by it on all six sides. If what
was found does not come near to one of them, a part is missing. Other answers
of the trials are then followed too, in the order of their predicted IoU, and
are kept if they look like the object and come nearer to such a side.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Dict, List

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
# An outline with a shorter side, in pixels, is not tried in parts.
_LEAST_SIDE = 16
# What a place at an end of the box counts less than the middle. There, the
# outline holds more of other organs than of the object.
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


def try_boxes(slices: PlaneSlices, limits: Mapping[int, Limit],
              rule: PropagationRule) -> Dict[int, List[Trial]]:
    """Look for objects on some slices of their 3-D boxes.

    Args:
        slices: The slices.
        limits: The boxes of the objects by the objects' numbers.
        rule: The rule by which the objects are followed.

    Returns:
        dict[int, list[Trial]]: The trials of each object, the best first.
        Masks that are smaller than the rule allows are left out.
    """
    trials: Dict[int, List[Trial]] = {}
    for number, limit in limits.items():
        outlines = ImagePrompts(boxes=_outline_in_parts(limit.box))
        again: Dict[int, ImagePrompts] = {}
        for index, (logits, ious) in slices.segment_each(dict.fromkeys(
                _trial_slices(limit), outlines)):
            places = _different(limit.clip(logits) > 0, ious, rule)
            if places:
                again[index] = ImagePrompts(boxes=rule.next_boxes(
                    [limit.clip(logits[i]) > 0 for i in places], limit))
        trials[number] = []
        for index, (logits, ious) in slices.segment_each(again):
            clipped, image = limit.clip(logits), slices.image(index)
            for i in _different(clipped > 0, ious, rule):
                trials[number].append(Trial(
                    Found(number, index, clipped[i], float(ious[i]),
                          again[index].boxes[i:i + 1]),
                    median_grey(image, clipped[i] > 0)))
        trials[number].sort(key=lambda one, limit=limit: _rank(one, limit),
                            reverse=True)
    return trials


def _trial_slices(limit: Limit) -> List[int]:
    """Choose slices, each in the middle of its part of a box."""
    count = min(_TRIALS, limit.last - limit.first + 1)
    edges = np.linspace(limit.first, limit.last + 1, 2 * count + 1)
    return edges[1::2].astype(int).tolist()


def _outline_in_parts(box: np.ndarray) -> np.ndarray:
    """Return an outline, and its halves, quarters and ninths, (n, 4)."""
    low, sides = box[:2], box[2:] - box[:2]
    boxes = [box]
    for columns, rows in ((1, 2), (2, 1), (2, 2), (3, 3)):
        if sides.min() >= _LEAST_SIDE:
            step = sides / (columns, rows)
            boxes += [np.concatenate([low + step * place,
                                      low + step * np.add(place, 1)])
                      for place in np.ndindex(columns, rows)]
    return np.stack(boxes)


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
    masks, tried = dict(masks), 0
    for trial in trials[1:]:
        gaps = _gaps(masks, limit)
        known = masks.get(trial.found.index)
        if not gaps.any() or tried == _PARTS_TRIED:
            return
        if (trial.found.iou < _PART_IOU
                or np.abs(trial.grey - trials[0].grey).max()
                > rule.max_grey_change
                or known is not None and 2 * (trial.mask & known).sum()
                > trial.mask.sum()):
            continue
        tried += 1
        part = [trial.found, *follow_both_ways(slices, trial, limit, rule)]
        with_part = dict(masks)
        for found in part:
            mask = found.logits > 0
            with_part[found.index] = mask | masks.get(found.index, False)
        if (_gaps(with_part, limit) < gaps / 2)[gaps > 0].any():
            masks = with_part
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


def follow_both_ways(slices: PlaneSlices, trial: Trial, limit: Limit,
                     rule: PropagationRule) -> Iterator[Found]:
    """Follow an object from a trial."""
    index = trial.found.index
    begun = Followed.begin(slices.image(index), trial.mask, limit)
    for step in (1, -1):
        stop = limit.last + 1 if step > 0 else limit.first - 1
        yield from sweep(slices, {index: {trial.found.number: begun}},
                         range(index, stop, step), rule)
