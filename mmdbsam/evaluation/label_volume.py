"""From the predictions of single slices to the volumes that are scored."""

from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np

from mmdbsam.evaluation.baselines import filled_box, inscribed_ellipse
from mmdbsam.evaluation.predictions import PromptedMask
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.io.prepared import PreparedCase, PreparedData

# What is scored, and its name for a reader; the model comes last.
METHODS = {
    'box': 'filled box',
    'ellipse': 'inscribed ellipse',
    'model': 'model',
}
_BASELINES = {'box': filled_box, 'ellipse': inscribed_ellipse}


@dataclass(frozen=True)
class Target:
    """One label within one block of slices: what gets one row of scores.

    Attributes:
        case: The scan.
        start: First slice of the block.
        stop: One past its last slice.
        label_id: The label.
        voxels: How many of the block's voxels carry it.
    """

    case: PreparedCase
    start: int
    stop: int
    label_id: int
    voxels: int


def find_targets(data: PreparedData, split: str,
                 min_volume: int) -> List[Target]:
    """All labels of a split's blocks that have at least that many voxels."""
    targets = []
    for case, start, stop in data.blocks(split):
        voxels = case.areas()[start:stop].sum(axis=0)
        targets += [
            Target(case, start, stop, label_id, int(count))
            for label_id, count in zip(data.labels, voxels, strict=True)
            if count >= min_volume
        ]
    return targets


class LabelVolume:
    """Reference and predictions of a target, cropped in the plane.

    Args:
        target: The label and its block.
        prompts: Slice index to its prompt and prediction; slices without one
            predict nothing.

    Attributes:
        reference (np.ndarray): bool (D, h, w), all slices of the block, cut
            to what reference, boxes and predictions cover.
    """

    def __init__(self, target: Target,
                 prompts: Dict[int, PromptedMask]) -> None:
        mask = target.case.mask(target.label_id, target.start, target.stop)
        self._prompts = {z - target.start: p for z, p in prompts.items()}
        self._corner, stop = self._extent(mask)
        self.reference = mask[(slice(None), *map(slice, self._corner, stop))]

    def predict(self, method: str) -> np.ndarray:
        """The prediction of one of :data:`METHODS`, bool (D, h, w)."""
        volume = np.zeros_like(self.reference)
        top, left = self._corner
        if method == 'model':
            for z, prompt in self._prompts.items():
                prompt.mask.paste(volume[z], (top, left))
        elif self._prompts:
            boxes = np.stack([p.box for p in self._prompts.values()])
            volume[list(self._prompts)] = _BASELINES[method](
                boxes - [left, top, left, top], volume.shape[1:])
        return volume

    def box_shifts(self) -> np.ndarray:
        """How far each box's sides lie outside the tight box.

        Returns:
            np.ndarray: float (n, 4), pixels, negative where a side is inside;
            a row for each prompt whose slice has the label, in the order of
            the box's coordinates.
        """
        top, left = self._corner
        shifts = []
        for z, prompt in self._prompts.items():
            box = bounding_box(self.reference[z])
            if box is None or prompt.box is None:
                continue
            rows, columns = box
            shifts.append([
                left + columns.start - prompt.box[0],
                top + rows.start - prompt.box[1],
                prompt.box[2] - (left + columns.stop - 1),
                prompt.box[3] - (top + rows.stop - 1),
            ])
        return np.array(shifts).reshape(-1, 4)

    def _extent(self, mask: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """First and one-past-last (y, x) of reference, boxes and masks."""
        _, *box = bounding_box(mask)
        starts = [[axis.start for axis in box]]
        stops = [[axis.stop for axis in box]]
        for prompt in self._prompts.values():
            if prompt.box is not None:
                left, top = np.floor(prompt.box[:2])
                right, bottom = np.ceil(prompt.box[2:]) + 1
                starts.append([top, left])
                stops.append([bottom, right])
            if prompt.mask.bits.size:
                starts.append(prompt.mask.corner)
                stops.append(np.add(prompt.mask.corner, prompt.mask.shape))
        return (np.maximum(np.min(starts, axis=0), 0).astype(int),
                np.minimum(np.max(stops, axis=0), mask.shape[1:]).astype(int))
