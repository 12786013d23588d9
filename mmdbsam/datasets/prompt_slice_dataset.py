"""Axial slices of a prepared data set, as prompted samples."""

from collections.abc import Sequence

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from mmdbsam.datasets.samplers import SampleKey
from mmdbsam.errors import InputError
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import DATASETS, TRANSFORMS


@DATASETS.register_module()
class PromptSliceDataset(Dataset):
    """Every slice of a split that shows a large enough label.

    The slices come from one prepared data set, or from all data sets in a
    folder, such as the tasks of a benchmark.

    The pipeline starts from ``task`` (the data set's name), ``case`` (a
    :class:`.PreparedCase`), ``slice_index`` (into the case's arrays),
    ``block`` ((start, stop) of the run of slices that the slice belongs to)
    and ``rng``, the only source of randomness for the transforms.
    ``rng`` depends on seed, epoch and index alone, so a sample is the same for
    any number of workers or ranks, and after a resume.

    Args:
        data_root: A folder that ``mmdbsam prepare`` wrote, or one that holds
            several of them.
        split: ``'train'``, ``'val'`` or ``'test'``.
        pipeline: The configs of the transforms.
        min_area: The number of pixels, in the original slice, that at least
            one label of a slice must have.
        gaps: Whether to deliver also the slices where a label is missing
            between its first and its last slice of a block.

    Raises:
        InputError: If there are no data, or the split does not exist or has no
            large enough label.
    """

    def __init__(self,
                 data_root: str,
                 split: str,
                 pipeline: Sequence[dict],
                 min_area: int = 100,
                 gaps: bool = False) -> None:
        self.tasks = PreparedData.open_tasks(data_root)
        self.slices = [
            (data.name, case, (start, stop), start + offset)
            for data in self.tasks
            for case, start, stop in data.blocks(split)
            for offset in _slices_with(case.areas()[start:stop], min_area,
                                       gaps)
        ]
        if not self.slices:
            raise InputError(
                f"data root {data_root}: split '{split}' has no slice with a "
                f'label of at least {min_area} px; it holds '
                f'{_describe_splits(self.tasks)}')
        self.pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])

    @property
    def metainfo(self) -> dict:
        """The labels' names by id, for each task by name."""
        return dict(tasks={data.name: data.labels for data in self.tasks})

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, key: int | SampleKey) -> dict:
        """The sample of a key; a bare index means epoch 0 and seed 0."""
        if not isinstance(key, SampleKey):
            key = SampleKey(seed=0, epoch=0, index=key)
        task, case, block, slice_index = self.slices[key.index]
        return self.pipeline(
            dict(
                task=task,
                case=case,
                block=block,
                slice_index=slice_index,
                rng=np.random.default_rng(list(key))))


def _slices_with(areas: np.ndarray, min_area: int, gaps: bool) -> list[int]:
    """The rows of (D, number of labels) with an entry of at least min_area.

    With ``gaps``, rows between two such entries of a column are included.
    """
    large = areas >= min_area
    if gaps:
        until_now = np.logical_or.accumulate
        large = until_now(large) & until_now(large[::-1])[::-1]
    return np.flatnonzero(large.any(axis=1)).tolist()


def _describe_splits(tasks: Sequence[PreparedData]) -> str:
    counts: dict[str, int] = {}
    for case in (case for data in tasks for case in data.cases):
        for split, ranges in case.splits.items():
            counts[split] = counts.get(split, 0) + sum(
                stop - start for start, stop in ranges)
    return ', '.join(f'{split}: {n} slices' for split, n in counts.items())
