"""Axial slices of a prepared data set, as prompted samples."""

from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

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

    The slices come from one prepared data set, or from several, such as the
    tasks of a benchmark or the sets of a mixture, each with the modality and
    the window that it was prepared with and with labels of its own. Sets that
    lack the split contribute nothing. :class:`.MixtureSampler` draws from
    several sets by weights.

    The pipeline starts from ``task`` (the data set's name), ``case`` (a
    :class:`.PreparedCase`), ``slice_index`` (into the case's arrays),
    ``block`` ((start, stop) of the run of slices that the slice belongs to)
    ``min_area`` (the data set's) and ``rng``, the only source of randomness
    for the transforms. ``rng`` depends on the :class:`.SampleKey` alone, so a
    sample is the same for any number of workers or ranks, and after a resume.

    Args:
        data_root: A folder that ``mmdbsam prepare`` wrote, one that holds
            several of them, or a list of such folders.
        split: ``'train'``, ``'val'`` or ``'test'``.
        pipeline: The configs of the transforms.
        min_area: The number of pixels, in the original slice, that at least
            one label of a slice must have. A mapping gives it for each set by
            its name or a pattern of names, of which the first that fits
            counts; pixels of another size need another number.
        gaps: Whether to deliver also the slices where a label is missing
            between its first and its last slice of a block.

    Attributes:
        indices_by_task (dict[str, list[int]]): The indices of each set's
            slices by the set's name, for the sets that have any.

    Raises:
        InputError: If there are no data, the split does not exist or has no
            large enough label, or ``min_area`` lacks a set.
    """

    def __init__(self,
                 data_root: str | Sequence[str],
                 split: str,
                 pipeline: Sequence[dict],
                 min_area: int | Mapping[str, int] = 100,
                 gaps: bool = False) -> None:
        self.tasks = PreparedData.open_tasks(data_root)
        self.min_areas = {data.name: _of_set(min_area, data.name)
                          for data in self.tasks}
        self.slices = [
            (data.name, case, (start, stop), start + offset)
            for data in self.tasks
            for case, start, stop in data.blocks(split)
            for offset in _slices_with(case.areas()[start:stop],
                                       self.min_areas[data.name], gaps)
        ]
        if not self.slices:
            raise InputError(
                f"data root {data_root}: split '{split}' has no slice with a "
                f'label of at least {min_area} px; it holds '
                f'{_describe_splits(self.tasks)}')
        self.indices_by_task: dict[str, list[int]] = {}
        for index, (task, *_) in enumerate(self.slices):
            self.indices_by_task.setdefault(task, []).append(index)
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
                min_area=self.min_areas[task],
                rng=np.random.default_rng(list(key))))


def _of_set(min_area: int | Mapping[str, int], name: str) -> int:
    """The least area of a label in the set of that name."""
    if not isinstance(min_area, Mapping):
        return min_area
    for pattern, pixels in min_area.items():
        if fnmatch(name, pattern):
            return pixels
    raise InputError("min_area: expected an entry for data set "
                     f"'{name}', found {', '.join(min_area)}; add '*' for "
                     'all others')


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
