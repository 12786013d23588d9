"""Chooses the slices that an 8-bit encoder is calibrated and checked on."""

from dataclasses import dataclass
from typing import Any, Dict, List, Tuple

import numpy as np
from mmengine.config import Config

from mmdbsam.datasets.slice_table import SliceTable
from mmdbsam.datasets.transforms.prompts import label_masks
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import TRANSFORMS


@dataclass(frozen=True)
class Calibration:
    """Slices of prepared data for an encoder in 8 bits.

    Attributes:
        about: Where the images come from, as the files' metadata have it:
            the ``split``, and as ``slices`` the name of the data set, the
            case and the index of each.
        images: The slices that the ranges of the encoder's values are
            measured on, each uint8 (H, W) or (H, W, 3).
        held: Other slices, on which the quantised encoder is compared with
            the one in float32, and the boxes (n, 4) of their labels.
    """

    about: Dict[str, Any]
    images: List[np.ndarray]
    held: List[Tuple[np.ndarray, np.ndarray]]


def choose_slices(cfg: Config, data_root: str, split: str,
                  number: int) -> Calibration:
    """Choose slices that are evenly spaced over a split.

    Slices without a label are left out. The same data always give the same
    slices. As many more, which lie between them, are held for a check.

    Args:
        cfg: The config of the model, whose test pipeline loads a slice.
        data_root: A prepared data set, or a folder of several.
        split: The split to take the slices from.
        number: The number of slices to calibrate on.

    Raises:
        InputError: If there are no such data, the split has fewer than
            ``2 * number`` slices with a label, or a case shows another
            modality than the model's.
    """
    if number < 1:
        raise InputError(f'calibration slices: expected at least 1, found '
                         f'{number}')
    tasks = PreparedData.open_tasks(data_root)
    for data in tasks:
        data.require_modality(cfg.get('modality'))
    slices = SliceTable(tasks, split, {data.name: 1 for data in tasks}, False)
    if len(slices) < 2 * number:
        sizes = {data.name: data.split_sizes() for data in tasks}
        raise InputError(
            f"data root {data_root}: expected at least {2 * number} slices "
            f"with a label in split '{split}', of which half calibrate and "
            f'half check, found {len(slices)}; it has {sizes}')
    places = np.linspace(0, len(slices) - 1, 2 * number).round().astype(int)
    chosen = [slices[place] for place in places.tolist()]
    load = TRANSFORMS.build(next(
        step for step in cfg.test_dataloader.dataset.pipeline
        if step['type'] == 'LoadSlice'))
    loaded = [load(dict(case=case, block=block, slice_index=index))
              for _, case, block, index in chosen]
    return Calibration(
        dict(split=split, slices=[[task, case.name, index] for
                                  task, case, _, index in chosen[::2]]),
        [one['img'] for one in loaded[::2]],
        [(one['img'], _boxes(one['label'])) for one in loaded[1::2]])


def _boxes(label: np.ndarray) -> np.ndarray:
    """The boxes of all labels of a slice (L, H, W)."""
    ids = np.unique(label)
    return tight_boxes(label_masks(label, ids[ids > 0]))
