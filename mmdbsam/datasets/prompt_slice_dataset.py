"""Axial slices of a prepared data set, as prompted samples."""

from collections import Counter
from collections.abc import Mapping, Sequence
from fnmatch import fnmatch

import numpy as np

from mmdbsam.datasets.samplers import SampleKey
from mmdbsam.datasets.slice_dataset import SliceDataset
from mmdbsam.datasets.slice_table import SliceTable
from mmdbsam.datasets.transforms.prompts import NoLargeLabel
from mmdbsam.errors import InputError
from mmdbsam.io.prepared import FOLD, PreparedData
from mmdbsam.registry import DATASETS

# A slice is augmented at most so many times before another one is taken.
_DRAWS = 20


@DATASETS.register_module()
class PromptSliceDataset(SliceDataset):
    """Every slice of a split that shows a large enough label.

    The slices come from one prepared data set, or from several, such as the
    tasks of a benchmark or the sets of a mixture, each with the modality and
    the window that it was prepared with and with labels of its own. Sets that
    lack the split contribute nothing. :class:`.MixtureSampler` draws from
    several sets by weights.

    The pipeline starts from what a :class:`.SliceDataset` gives it, and from
    ``min_area`` (the data set's).

    Args:
        data_root: A folder that ``mmdbsam prepare`` wrote, one that holds
            several of them, or a list of such folders.
        split: ``'train'``, ``'val'``, ``'test'`` or another split of the sets,
            such as ``'fold_0'``; or a list of several.
        pipeline: The configs of the transforms.
        min_area: The number of pixels, in the original slice, that at least
            one label of a slice must have. A mapping gives it for each set by
            its name or a pattern of names, of which the first that fits
            counts; pixels of another size need another number.
        gaps: Whether to deliver also the slices where a label is missing
            between its first and its last slice of a block.

    Raises:
        InputError: If there are no data, the split does not exist or has no
            large enough label, or ``min_area`` lacks a set.
    """

    def __init__(self,
                 data_root: str | Sequence[str],
                 split: str | Sequence[str],
                 pipeline: Sequence[dict],
                 min_area: int | Mapping[str, int] = 100,
                 gaps: bool = False) -> None:
        tasks = PreparedData.open_tasks(data_root)
        self.min_areas = {data.name: _of_set(min_area, data.name)
                          for data in tasks}
        slices = SliceTable(tasks, split, self.min_areas, gaps)
        if not len(slices):
            raise InputError(
                f"data root {data_root}: split '{split}' has no slice with a "
                f'label of at least {min_area} px; it holds '
                f'{_describe_splits(tasks)}')
        super().__init__(tasks, slices, pipeline)

    @property
    def metainfo(self) -> dict:
        """The labels' names by id, for each task by name."""
        return dict(tasks={data.name: data.labels for data in self.tasks})

    def __getitem__(self, key: int | SampleKey) -> dict:
        """The sample of a key; a bare index means epoch 0 and seed 0.

        Where an augmentation moves the labels out of the slice, or shrinks
        them too much, it is drawn again, and in the end another slice is.

        Raises:
            InputError: If the slice has no large enough label before it is
                augmented.
        """
        if not isinstance(key, SampleKey):
            key = SampleKey(seed=0, epoch=0, index=key)
        index = key.index
        for draw in range(_DRAWS * len(self)):
            # The first draw depends on the key alone.
            rng = np.random.default_rng([*key, draw] if draw else list(key))
            if draw and draw % _DRAWS == 0:
                index = int(rng.integers(len(self)))
            try:
                return self.pipeline(self.results(index, rng))
            except NoLargeLabel as error:
                problem = error
                _, case, _, slice_index = self.slices[index]
                # Another draw would not find any either.
                if case.areas()[slice_index].max() < error.min_area:
                    break
        raise InputError(str(problem)) from problem

    def results(self, index: int, rng: np.random.Generator) -> dict:
        """See :class:`.SliceDataset`."""
        found = super().results(index, rng)
        return dict(found, min_area=self.min_areas[found['task']])


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


def _describe_splits(tasks: Sequence[PreparedData]) -> str:
    counts: Counter[str] = Counter()
    for data in tasks:
        counts.update(data.split_sizes())
    found = ', '.join(f'{split}: {n} slices' for split, n in counts.items())
    folds = any(split.startswith(FOLD) for split in counts)
    return found + ('; choose a fold with --fold' if folds else '')
