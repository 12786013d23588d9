"""Stacks the predictions of single slices to the volumes that are scored."""

from dataclasses import dataclass
from typing import Dict, List, Tuple

import numpy as np

from mmdbsam.evaluation.baselines import filled_box, inscribed_ellipse
from mmdbsam.evaluation.predictions import PromptedMask
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.io.prepared import PreparedCase, PreparedData

#: The methods that are scored, with their titles; the model comes last.
METHODS = {
    'box': 'filled box',
    'ellipse': 'inscribed ellipse',
    'model': 'model',
}
_BASELINES = {'box': filled_box, 'ellipse': inscribed_ellipse}


@dataclass(frozen=True)
class Target:
    """One label within one block of slices, which gets one row of scores.

    Attributes:
        case: The scan.
        start: The first slice of the block.
        stop: The slice after the last one of the block.
        label_id: The label's id.
        voxels: The number of the block's voxels that carry the label.
    """

    case: PreparedCase
    start: int
    stop: int
    label_id: int
    voxels: int


def find_targets(data: PreparedData, split: str,
                 min_volume: int) -> List[Target]:
    """Find the labels with at least ``min_volume`` voxels in a block.

    Args:
        data: The data set.
        split: The split whose blocks are searched.
        min_volume: The least number of voxels of a label in a block; a label
            without any is never a target.
    """
    targets = []
    for case, start, stop in data.blocks(split):
        voxels = case.areas()[start:stop].sum(axis=0)
        targets += [
            Target(case, start, stop, label_id, int(count))
            for label_id, count in zip(data.labels, voxels, strict=True)
            if count >= max(min_volume, 1)
        ]
    return targets


class LabelVolume:
    """The reference and the predictions of a target, cropped in the plane.

    Args:
        target: The label and its block.
        prompts: The prompt and the prediction of each slice, by the slice's
            index. Slices without a prompt predict nothing.

    Attributes:
        reference (np.ndarray): The reference, bool (D, h, w), in all slices
            of the block, cropped to what the reference, the boxes and the
            predictions cover.
    """

    def __init__(self, target: Target,
                 prompts: Dict[int, PromptedMask]) -> None:
        mask = target.case.mask(target.label_id, target.start, target.stop)
        self._prompts = {z - target.start: p for z, p in prompts.items()}
        self._corner, stop = self._extent(mask)
        self.reference = mask[(slice(None), *map(slice, self._corner, stop))]

    def predict(self, method: str) -> np.ndarray:
        """Return a method's prediction, bool (D, h, w).

        Args:
            method: A key of :data:`METHODS`.
        """
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
        """Measure how far each box's sides lie outside the tight box.

        Returns:
            np.ndarray: The distances in pixels, float (n, 4), negative where a
            side is inside. There is a row for each box whose slice has the
            label; the columns are in the order of the box's coordinates.
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
        """Bound reference, boxes and masks by (y, x) from first to stop."""
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
