"""Axial slices of a prepared data set, as prompted samples."""

from collections.abc import Sequence

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from mmdbsam.datasets.prepared import PreparedData
from mmdbsam.datasets.samplers import SampleKey
from mmdbsam.errors import InputError
from mmdbsam.registry import DATASETS, TRANSFORMS


@DATASETS.register_module()
class PromptSliceDataset(Dataset):
    """Every slice of a split that shows a label large enough.

    The pipeline starts from ``case`` (a
    :class:`~mmdbsam.datasets.PreparedCase`), ``slice_index`` (into the case's
    arrays), ``block`` ((start, stop) of the contiguous slices it is one of)
    and ``rng``, the only source of randomness for the transforms. ``rng`` is
    a function of seed, epoch and index alone: a sample is the same for any
    number of workers or ranks and after a resume.

    Args:
        data_root: Folder that ``tools/prepare_data.py`` wrote.
        split: ``'train'``, ``'val'`` or ``'test'``.
        pipeline: Configs of the transforms.
        min_area: Pixels of the original slice that at least one label of a
            slice must have.

    Raises:
        InputError: If there are no data, no such split, or no such slices.
    """

    def __init__(self,
                 data_root: str,
                 split: str,
                 pipeline: Sequence[dict],
                 min_area: int = 100) -> None:
        self.data = PreparedData(data_root)
        self.slices = [
            (case, (start, stop), start + offset)
            for case, start, stop in self.data.blocks(split)
            for offset in _slices_with(case.areas()[start:stop], min_area)
        ]
        if not self.slices:
            raise InputError(
                f"data root {data_root}: split '{split}' has no slice with a "
                f'label of at least {min_area} px; it holds '
                f'{_describe_splits(self.data)}')
        self.pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])

    @property
    def metainfo(self) -> dict:
        """``name`` of the data set and ``labels``, id to name."""
        return dict(name=self.data.name, labels=self.data.labels)

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, key: int | SampleKey) -> dict:
        """The sample of a key; of a bare index, in epoch 0 with seed 0."""
        if not isinstance(key, SampleKey):
            key = SampleKey(seed=0, epoch=0, index=key)
        case, block, slice_index = self.slices[key.index]
        return self.pipeline(
            dict(
                case=case,
                block=block,
                slice_index=slice_index,
                rng=np.random.default_rng(list(key))))


def _slices_with(areas: np.ndarray, min_area: int) -> list[int]:
    """Rows of (D, number of labels) with an entry of at least min_area."""
    return np.flatnonzero((areas >= min_area).any(axis=1)).tolist()


def _describe_splits(data: PreparedData) -> str:
    counts: dict[str, int] = {}
    for case in data.cases:
        for split, ranges in case.splits.items():
            counts[split] = counts.get(split, 0) + sum(
                stop - start for start, stop in ranges)
    return ', '.join(f'{split}: {n} slices' for split, n in counts.items())
