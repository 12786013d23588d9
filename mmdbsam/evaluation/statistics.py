"""Intervals and tests, which tell what scores say about other cases."""

from dataclasses import dataclass
from typing import Hashable, Optional, Sequence, Tuple

import numpy as np
from scipy import stats

#: With fewer cases, no outcome of a two-sided Wilcoxon test has p < 0.05, and
#: resamples of the cases take only a handful of values.
MIN_CASES = 6
LEVEL = 0.95
RESAMPLES = 9999
# Differences beyond these decimals are rounding errors.
_DECIMALS = 9
# Resamples are drawn in batches, so that thousands of images fit the memory.
_BATCH_ELEMENTS = 10_000_000


@dataclass(frozen=True)
class Interval:
    """A mean and its bootstrap interval.

    Attributes:
        mean: The mean over all rows.
        low: The interval's lower end; NaN if there is only one unit.
        high: The interval's upper end; NaN if there is only one unit.
    """

    mean: float
    low: float
    high: float

    def excludes(self, value: float) -> bool:
        """Say whether a value lies outside; false without an interval."""
        return self.low > value or self.high < value


@dataclass(frozen=True)
class PairedDifference:
    """The difference of two runs on the same rows, the second minus the first.

    Attributes:
        interval: The mean of the rows' differences, with its interval.
        p_value: The p value of a two-sided Wilcoxon signed-rank test of the
            units' mean differences; 1 if there is no difference at all.
        wins: The number of rows in which the second run is better.
        ties: The number of rows in which both runs are equal.
        losses: The number of rows in which the second run is worse.
    """

    interval: Interval
    p_value: float
    wins: int
    ties: int
    losses: int


def resampling_units(cases: Sequence[str],
                     volumes: Optional[Sequence[Hashable]] = None
                     ) -> np.ndarray:
    """Group rows into the units that are drawn and tested as one.

    A unit is a case, as the rows of a case (its labels and blocks) are not
    independent of each other. With fewer than :data:`MIN_CASES` cases, each
    volume is a unit; results then hold for other volumes of these cases, but
    not for other cases.

    Args:
        cases: The name of each row's case.
        volumes: The volume of each row, which several draws of the prompts
            share; None if each row has a volume of its own.

    Returns:
        np.ndarray: The unit of each row, int (rows,).
    """
    if len(set(cases)) >= MIN_CASES:
        volumes = cases
    elif volumes is None:
        volumes = range(len(cases))
    numbers = {volume: i for i, volume in enumerate(dict.fromkeys(volumes))}
    return np.array([numbers[volume] for volume in volumes], dtype=int)


def mean_interval(values: Sequence[float], units: Sequence[int],
                  seed: int = 0) -> Interval:
    """Average rows, with the 95 % percentile bootstrap interval of the mean.

    The units are drawn with replacement, each with all of its rows (cluster
    bootstrap; Efron and Tibshirani, *An Introduction to the Bootstrap*, 1993,
    section 13.3). The mean of a resample is over its rows, whose number
    varies.

    Args:
        values: The finite value of each row, (rows,).
        units: The unit of each row, (rows,); see :func:`resampling_units`.
        seed: The seed of the resampling.

    Returns:
        Interval: The mean and its interval, equal for equal arguments.

    Raises:
        ValueError: If there are no rows, if there is not one unit per row, or
            if a value is not finite.
    """
    return mean_of_means_interval([(values, units)], seed)


def mean_of_means_interval(
        tasks: Sequence[Tuple[Sequence[float], Sequence[int]]],
        seed: int = 0) -> Interval:
    """Average the means of tasks, with the interval of that mean.

    Each task is resampled by itself as in :func:`mean_interval`; the tasks
    themselves are given, not drawn.

    Args:
        tasks: The values and the units of each task.
        seed: The seed of the resampling.

    Returns:
        Interval: The mean and its interval, whose ends are NaN if a task has
        only one unit.

    Raises:
        ValueError: In the same cases as :func:`mean_interval`, or if there
            are no tasks.
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
        first: The finite values of a metric in one run, (rows,).
        second: The values of the same metric in the other run, (rows,), in
            the same order.
        units: The unit of each row, (rows,); see :func:`resampling_units`.
        higher_is_better: Whether a greater value of the metric is a win.
        seed: The seed of the resampling.

    Returns:
        PairedDifference: The difference ``second - first``.

    Raises:
        ValueError: In the same cases as :func:`mean_interval`, or if the
            lengths differ.
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

    Rejecting the tests whose adjusted p value is at most alpha keeps the
    probability of any false rejection in the family at alpha or below,
    however the tests depend on each other.

    Args:
        p_values: The p values, (tests,), in [0, 1].

    Returns:
        np.ndarray: The adjusted p values, (tests,), in the same order.
    """
    p_values = np.asarray(p_values, float)
    order = np.argsort(p_values, kind='stable')
    scaled = p_values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1)
    return adjusted


def _resampled_means(values: Sequence[float], units: Sequence[int],
                     rng: np.random.Generator) -> np.ndarray:
    """Draw resamples and return their means (RESAMPLES,), NaN for one unit."""
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
    """Check values, and return them with each unit's sum and row count."""
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
