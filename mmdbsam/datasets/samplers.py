"""Sampling by seed, epoch and index."""

from collections.abc import Iterator
from typing import NamedTuple

from mmengine.dataset import DefaultSampler

from mmdbsam.registry import DATA_SAMPLERS


class SampleKey(NamedTuple):
    """All that the randomness of a sample depends on."""

    seed: int
    epoch: int
    index: int


@DATA_SAMPLERS.register_module()
class EpochKeyedSampler(DefaultSampler):
    """mmengine's default sampler, which also passes on its seed and epoch.

    The seed is the Runner's (``randomness.seed``). A worker process keeps the
    data set it was started with, so the epoch can reach it only together with
    the index. :class:`.PromptSliceDataset` keys its random numbers by all
    three. The arguments are those of ``DefaultSampler``.
    """

    def __iter__(self) -> Iterator[SampleKey]:
        """Iterate over the keys of this rank's samples."""
        for index in super().__iter__():
            yield SampleKey(self.seed, self.epoch, index)
