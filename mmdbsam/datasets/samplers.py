"""Sampling by seed, epoch and index."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from mmengine.dataset import DefaultSampler
from torch.utils.data import Dataset

from mmdbsam.errors import InputError
from mmdbsam.registry import DATA_SAMPLERS


class SampleKey(NamedTuple):
    """All that the randomness of a sample depends on.

    Attributes:
        seed: The seed of the run.
        epoch: The epoch.
        index: The sample's place in the data set.
        draw: How often the epoch has drawn the sample before.
    """

    seed: int
    epoch: int
    index: int
    draw: int = 0


@DATA_SAMPLERS.register_module()
class EpochKeyedSampler(DefaultSampler):
    """mmengine's default sampler, which also passes on its seed and epoch.

    The seed is the Runner's (``randomness.seed``). A worker process keeps the
    data set it was started with, so the epoch can reach it only together with
    the index. :class:`.PromptSliceDataset` keys its random numbers by all
    three. The arguments are those of ``DefaultSampler``.
    """

    def __iter__(self) -> Iterator[SampleKey]:
        """Iterate over the keys of this rank's samples.

        They are those of mmengine's sampler in the same order. Its lists would
        take a hundred bytes a slice in each process, and an array takes eight.
        """
        order = torch.arange(len(self.dataset))
        if self.shuffle:
            generator = torch.Generator()
            generator.manual_seed(self.seed + self.epoch)
            order = torch.randperm(len(self.dataset), generator=generator)
        indices = order.numpy()
        if self.round_up:
            indices = np.resize(indices, self.total_size)
        for index in indices[self.rank:self.total_size:self.world_size]:
            yield SampleKey(self.seed, self.epoch, int(index))


@DATA_SAMPLERS.register_module()
class MixtureSampler(EpochKeyedSampler):
    """Draws from several prepared data sets by weights.

    An epoch has a fixed number of samples. Each data set gets the part of them
    that its weight says, rounded to whole samples, and goes through its slices
    in a random order, again and again if it has fewer slices than that. Which
    slices an epoch draws depends on seed and epoch alone.

    Args:
        dataset: The data set, with ``indices_by_task``, the places of each
            task's samples by the task's name.
        weights: ``'slice'`` draws every slice equally often, ``'set'`` every
            data set. A mapping gives each data set's weight by its name, >= 0;
            data sets that it does not name are an error.
        samples: The number of samples in an epoch, of all ranks together. By
            default, there are as many as slices.
        shuffle: Whether the samples of an epoch come in a random order.
        seed: The seed; by default, that of the Runner.

    Raises:
        InputError: If a weight is missing, unknown or negative, or all are 0.
    """

    def __init__(self,
                 dataset: Dataset,
                 weights: str | Mapping[str, float] = 'slice',
                 samples: int | None = None,
                 shuffle: bool = True,
                 seed: int | None = None) -> None:
        super().__init__(dataset, shuffle=shuffle, seed=seed)
        self.places = dataset.indices_by_task
        self.shares = _shares(weights, self.places)
        samples = samples or len(dataset)
        # As in mmengine's sampler, every rank gets equally many.
        self.num_samples = -(-samples // self.world_size)
        self.total_size = self.num_samples * self.world_size

    def __iter__(self) -> Iterator[SampleKey]:
        """Iterate over the keys of this rank's samples."""
        rng = np.random.default_rng([self.seed, self.epoch])
        drawn = [self._draw(self.places[name], count, rng)
                 for name, count in self._counts().items()]
        indices, draws = (np.concatenate(parts)
                          for parts in zip(*drawn, strict=True))
        if self.shuffle:
            order = rng.permutation(len(indices))
            indices, draws = indices[order], draws[order]
        own = slice(self.rank, self.total_size, self.world_size)
        for index, draw in zip(indices[own], draws[own], strict=True):
            yield SampleKey(self.seed, self.epoch, int(index), int(draw))

    def _counts(self) -> dict[str, int]:
        """The number of samples of each data set, which add up.

        An epoch takes up the fractions that those before it left, so that a
        small weight is not rounded to none in every epoch. What rounding
        leaves goes to the data set with the largest weight.
        """
        shares = np.array(list(self.shares.values())) * self.total_size
        before, after = (np.floor(shares * epochs + 1e-6)
                         for epochs in (self.epoch, self.epoch + 1))
        counts = (after - before).astype(int)
        counts[shares.argmax()] += self.total_size - counts.sum()
        return dict(zip(self.shares, counts.tolist(), strict=True))

    def _draw(self, places: Sequence[int], count: int,
              rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """The place of each sample, and how often it was drawn before."""
        order = rng.permutation(places) if self.shuffle else np.array(places)
        number = np.arange(count)
        return order[number % len(places)], number // len(places)


def _shares(weights: str | Mapping[str, float],
            places: Mapping[str, Sequence[int]]) -> dict[str, float]:
    """The part of an epoch that each data set gets, which add up to 1."""
    if weights == 'slice':
        weights = {name: len(found) for name, found in places.items()}
    elif weights == 'set':
        weights = dict.fromkeys(places, 1)
    if not isinstance(weights, Mapping) or set(weights) != set(places):
        found = (', '.join(weights) if isinstance(weights, Mapping)
                 else repr(weights))
        raise InputError("weights: expected 'slice', 'set' or a weight for "
                         f'each of {", ".join(places)}, found {found}')
    total = sum(weights.values())
    if min(weights.values()) < 0 or total <= 0:
        raise InputError('weights: expected numbers >= 0 that are not all 0, '
                         f'found {dict(weights)}')
    return {name: weights[name] / total for name in places}
