"""Sampling by epoch and index."""

from collections.abc import Iterator
from itertools import repeat

from mmengine.dataset import DefaultSampler

from mmdbsam.registry import DATA_SAMPLERS


@DATA_SAMPLERS.register_module()
class EpochKeyedSampler(DefaultSampler):
    """mmengine's default sampler, which also hands on the epoch.

    A worker process keeps the data set it was started with, so that the
    epoch can reach it only together with the index. See
    :class:`~mmdbsam.datasets.PromptSliceDataset`, which keys its random
    numbers by both. Arguments as ``DefaultSampler``.
    """

    def __iter__(self) -> Iterator[tuple[int, int]]:
        """Iterate over (epoch, index) of this rank's samples."""
        return zip(repeat(self.epoch), super().__iter__())
