"""What scores say beyond the cases that they were measured on."""

from dataclasses import dataclass
from typing import Hashable, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

# With fewer, no outcome of a two-sided Wilcoxon test has p < 0.05, and a
# resample of the cases takes a handful of values.
MIN_CASES = 6
LEVEL = 0.95
RESAMPLES = 9999
# Differences below it are rounding.
_DECIMALS = 9
# Of resamples, so that thousands of images fit the memory.
_BATCH_ELEMENTS = 10_000_000


@dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap interval; its ends are NaN for one unit.

    Attributes:
        mean: Over all rows.
        low: The interval's lower end.
        high: Its upper end.
    """

    mean: float
    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Whether the value lies outside; never so without an interval."""
        return self.low > value or self.high < value


@dataclass(frozen=True)
class PairedDifference:
    """The second of two runs on the same rows, minus the first.

    Attributes:
        interval: The mean of the rows' differences.
        p_value: Of a two-sided Wilcoxon signed-rank test of the units' mean
            differences; 1 if there is no difference at all.
        wins: Rows in which the second run is better.
        ties: Rows in which both are equal.
        losses: Rows in which the second run is worse.
    """

    interval: Interval
    p_value: float
    wins: int
    ties: int
    losses: int


def resampling_units(cases: Sequence[str],
                     volumes: Optional[Sequence[Hashable]] = None
                     ) -> np.ndarray:
    """What is drawn and tested as one: the rows of a case.

    The rows of a case (its labels and blocks) are not independent of each
    other. With fewer than :data:`MIN_CASES` cases each volume is a unit: what
    is computed then holds for other volumes of these cases, not for others.

    Args:
        cases: Name of each row's case.
        volumes: Each row's volume, which several draws of the prompts share;
            None if each row has its own.

    Returns:
        np.ndarray: int (rows,), the unit of each row.
    """
    if len(set(cases)) >= MIN_CASES:
        volumes = cases
    elif volumes is None:
        volumes = range(len(cases))
    numbers = {volume: i for i, volume in enumerate(dict.fromkeys(volumes))}
    return np.array([numbers[volume] for volume in volumes], dtype=int)


def mean_interval(values: Sequence[float], units: Sequence[int],
                  seed: int = 0) -> Interval:
    """The mean over rows with its percentile bootstrap interval of 95 %.

    The units are drawn with replacement, each with all of its rows (cluster
    bootstrap; Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993,
    section 13.3). A resample's mean is over its rows, whose number varies.

    Args:
        values: (rows,), finite.
        units: (rows,), see :func:`resampling_units`.
        seed: Of the resampling.

    Returns:
        Interval: The same for the same arguments.

    Raises:
        ValueError: If there are no rows, or not one unit a row, or a value
            is not finite.
    """
    return mean_of_means_interval([(values, units)], seed)


def mean_of_means_interval(
        tasks: Sequence[Tuple[Sequence[float], Sequence[int]]],
        seed: int = 0) -> Interval:
    """The mean of the means of tasks, with its interval.

    Each task is resampled by itself as in :func:`mean_interval`; the tasks
    themselves are given, not drawn.

    Args:
        tasks: The values and the units of each.
        seed: Of the resampling.

    Returns:
        Interval: Its ends are NaN if a task has but one unit.

    Raises:
        ValueError: As :func:`mean_interval`; if there are no tasks.
    """
    if not tasks:
        raise ValueError('tasks: expected one or more, found none')
    rng = np.random.default_rng(seed)
    mean = float(np.mean([_per_unit(*task)[0].mean() for task in tasks]))
    resampled = np.mean([_resampled_means(*task, rng) for task in tasks],
                        axis=0)
    low, high = np.quantile(resampled, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(mean, float(low), float(high))


def paired_difference(first: Sequence[float], second: Sequence[float],
                      units: Sequence[int], higher_is_better: bool = True,
                      seed: int = 0) -> PairedDifference:
    """Compare two runs row by row.

    Args:
        first: (rows,), finite, a metric of one run.
        second: (rows,), the same of another, in the same order.
        units: (rows,), see :func:`resampling_units`.
        higher_is_better: Of the metric; decides what is a win.
        seed: Of the resampling.

    Returns:
        PairedDifference: ``second - first``.

    Raises:
        ValueError: As :func:`mean_interval`; if the lengths differ.
    """
    first, second = np.asarray(first, float), np.asarray(second, float)
    if first.shape != second.shape:
        raise ValueError('first and second differ in shape: '
                         f'{first.shape} and {second.shape}')
    values, sums, counts = _per_unit(
        np.round(second - first, _DECIMALS), units)
    differences = np.round(sums / counts, _DECIMALS)
    p_value = (stats.wilcoxon(differences).pvalue if differences.any()
               else 1.0)
    better = values if higher_is_better else -values
    return PairedDifference(
        mean_interval(values, units, seed), float(p_value),
        wins=int((better > 0).sum()), ties=int((better == 0).sum()),
        losses=int((better < 0).sum()))


def holm(p_values: Sequence[float]) -> np.ndarray:
    """Adjust the p values of a family of tests (Holm, 1979).

    Rejecting those that are at most alpha keeps the probability of one or
    more false rejections in the family at alpha or below, whatever the
    tests' dependence.

    Args:
        p_values: (tests,), in [0, 1].

    Returns:
        np.ndarray: (tests,), the adjusted p values, in the same order.
    """
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values, kind='stable')
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted


def _resampled_means(values: Sequence[float], units: Sequence[int],
                     rng: np.random.Generator) -> np.ndarray:
    """(RESAMPLES,), NaN for one unit."""
    _, sums, counts = _per_unit(values, units)
    if len(sums) < 2:
        return np.full(RESAMPLES, np.nan)
    return stats.bootstrap(
        (sums, counts),
        lambda total, rows, axis: total.sum(axis) / rows.sum(axis),
        paired=True, vectorized=True, n_resamples=RESAMPLES,
        batch=max(1, _BATCH_ELEMENTS // len(sums)), method='percentile',
        random_state=rng).bootstrap_distribution


def _per_unit(values: Sequence[float], units: Sequence[int]
              ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The checked values, and each unit's sum and number of rows."""
    values, units = np.asarray(values, float), np.asarray(units)
    if values.ndim != 1 or values.shape != units.shape or not values.size:
        raise ValueError('values and units: expected one unit a row and at '
                         f'least one row, found shapes {values.shape} and '
                         f'{units.shape}')
    if not np.isfinite(values).all():
        raise ValueError('values: expected finite ones, found '
                         f'{values[~np.isfinite(values)][0]}')
    _, units = np.unique(units, return_inverse=True)
    return (values, np.bincount(units, values),
            np.bincount(units).astype(float))
