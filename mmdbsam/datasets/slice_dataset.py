"""Axial slices of prepared data sets, as samples."""

from collections.abc import Sequence

import numpy as np
from mmengine.dataset import Compose
from torch.utils.data import Dataset

from mmdbsam.datasets.samplers import SampleKey
from mmdbsam.datasets.slice_table import SliceTable
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import TRANSFORMS


class SliceDataset(Dataset):
    """Slices, each of which a pipeline makes a sample of.

    The pipeline starts from ``task`` (the data set's name), ``case`` (a
    :class:`.PreparedCase`), ``slice_index`` (into the case's arrays),
    ``block`` ((start, stop) of the run of slices that the slice belongs to)
    and ``rng``, the only source of randomness for the transforms. ``rng``
    depends on the :class:`.SampleKey` alone, so a sample is the same for any
    number of workers or ranks, and after a resume.

    Args:
        tasks: The prepared data sets.
        slices: The slices.
        pipeline: The configs of the transforms.

    Attributes:
        slices (SliceTable): The set's name, the case, the block and the index
            of each slice.
        indices_by_task (dict[str, range]): The indices of each set's slices by
            the set's name, for the sets that have any.
    """

    def __init__(self, tasks: Sequence[PreparedData],
                 slices: SliceTable, pipeline: Sequence[dict]) -> None:
        self.tasks = tasks
        self.slices = slices
        self.indices_by_task = slices.places()
        self.pipeline = Compose([TRANSFORMS.build(step) for step in pipeline])

    def __len__(self) -> int:
        return len(self.slices)

    def __getitem__(self, key: int | SampleKey) -> dict:
        """The sample of a key; a bare index means epoch 0 and seed 0."""
        if not isinstance(key, SampleKey):
            key = SampleKey(seed=0, epoch=0, index=key)
        return self.pipeline(self.results(
            key.index, np.random.default_rng(list(key))))

    def results(self, index: int, rng: np.random.Generator) -> dict:
        """What the pipeline starts from.

        Args:
            index: The place of the slice in the data set.
            rng: The source of randomness of the sample.
        """
        task, case, block, slice_index = self.slices[index]
        return dict(task=task, case=case, block=block,
                    slice_index=slice_index, rng=rng)
