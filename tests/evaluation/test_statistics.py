"""Bootstrap intervals, paired tests and their correction."""

import math

import numpy as np
import pytest

from mmdbsam.evaluation.statistics import (
    holm,
    mean_interval,
    mean_of_means_interval,
    paired_difference,
    resampling_units,
)


def test_an_interval_of_independent_rows_is_the_normal_one():
    """With many rows, the half width is 1.96 standard errors."""
    values = np.random.default_rng(0).normal(0.8, 0.1, size=400)
    found = mean_interval(values, np.arange(400))
    error = 1.96 * values.std() / 20
    assert found.mean == values.mean()
    assert found.low == pytest.approx(values.mean() - error, abs=0.05 * error)
    assert found.high == pytest.approx(values.mean() + error,
                                       abs=0.05 * error)


def test_rows_of_a_case_are_drawn_together():
    """Copies of a row in a case say nothing new."""
    values = np.random.default_rng(1).random(12)
    alone = mean_interval(values, np.arange(12))
    copied = mean_interval(np.repeat(values, 9), np.repeat(np.arange(12), 9))
    assert copied.low == pytest.approx(alone.low)
    assert copied.high == pytest.approx(alone.high)
    independent = mean_interval(np.repeat(values, 9), np.arange(108))
    assert (independent.high - independent.low) < 0.5 * (
        alone.high - alone.low)


def test_a_case_with_more_rows_counts_more():
    """The ends are means of resamples of two cases with 1 and 3 rows."""
    found = mean_interval([0, 1, 1, 1], [7, 2, 2, 2])
    assert (found.mean, found.low, found.high) == (0.75, 0, 1)
    # A resample with both cases has the mean of all rows.
    assert not found.excludes(0.75) and found.excludes(1.1)


def test_intervals_cover_the_true_mean():
    """They do in about 95 of 100 experiments with correlated rows."""
    rng = np.random.default_rng(2)
    units = np.repeat(np.arange(20), 5)
    hits = 0
    for _ in range(100):
        values = rng.normal(size=20)[units] + rng.normal(size=100)
        hits += not mean_interval(values, units).excludes(0)
    assert 85 <= hits <= 100


def test_the_seed_decides_the_resamples():
    values = np.random.default_rng(3).random(10)
    units = np.arange(10)
    assert mean_interval(values, units, 5) == mean_interval(values, units, 5)
    assert mean_interval(values, units, 5) != mean_interval(values, units, 6)


def test_a_mean_of_tasks_varies_less_than_each():
    """Four equal tasks narrow it by the root of four, whatever their rows."""
    rng = np.random.default_rng(6)
    tasks = [(rng.normal(0.5, 0.1, 50 * rows), np.repeat(np.arange(50), rows))
             for rows in (1, 2, 1, 2)]
    each = [mean_interval(*task) for task in tasks]
    found = mean_of_means_interval(tasks)
    assert found.mean == pytest.approx(np.mean([task.mean for task in each]))
    assert found.high - found.low == pytest.approx(
        np.mean([task.high - task.low for task in each]) / 2, rel=0.1)
    # A task counts once, however many rows it has.
    unequal = mean_of_means_interval([([0, 0], [0, 1]), ([1] * 9, range(9))])
    assert (unequal.mean, unequal.low, unequal.high) == (0.5, 0.5, 0.5)


def test_one_row_has_no_interval():
    found = mean_interval([0.5], [0])
    assert found.mean == 0.5
    assert math.isnan(found.low) and math.isnan(found.high)
    assert not found.excludes(0)


def test_units_are_cases_if_there_are_enough():
    cases = [f'case{i}' for i in range(6) for _ in range(2)]
    assert resampling_units(cases).tolist() == [
        0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert resampling_units(cases[:10]).tolist() == list(range(10))
    # The draws of a volume belong together.
    volumes = [(case, 0) for case in cases[:10]]
    assert resampling_units(cases[:10], volumes).tolist() == [
        0, 0, 1, 1, 2, 2, 3, 3, 4, 4]


def test_a_paired_difference():
    first = np.array([0.5, 0.6, 0.7, 0.8, 0.9, 0.5])
    second = first + [0.01, 0.02, 0.03, 0.04, 0.05, 0.06]
    found = paired_difference(first, second, np.arange(6))
    # All six signs are alike: two of the 2^6 outcomes are as extreme.
    assert found.p_value == pytest.approx(2 / 64)
    assert found.interval.mean == pytest.approx(0.035)
    assert 0.01 < found.interval.low < 0.035 < found.interval.high < 0.06
    assert (found.wins, found.ties, found.losses) == (6, 0, 0)
    lower = paired_difference(first, second, np.arange(6),
                              higher_is_better=False)
    assert (lower.wins, lower.ties, lower.losses) == (0, 0, 6)
    assert lower.p_value == found.p_value


def test_the_test_is_of_the_cases_means():
    """Rows of a case do not count as further evidence."""
    first = np.zeros(60)
    second = np.repeat([1, 2, 3, 4, 5, 6], 10) / 10
    found = paired_difference(first, second, np.repeat(np.arange(6), 10))
    assert found.p_value == pytest.approx(2 / 64)
    assert found.wins == 60


def test_identical_runs_do_not_differ():
    values = np.random.default_rng(4).random(8)
    found = paired_difference(values, values + 1e-12, np.arange(8))
    assert found.p_value == 1 and found.interval.mean == 0
    assert (found.wins, found.ties, found.losses) == (0, 8, 0)


def test_chance_is_rarely_found_significant():
    rng = np.random.default_rng(5)
    found = [paired_difference(*rng.random((2, 30)), np.arange(30)).p_value
             for _ in range(100)]
    assert np.mean(np.less(found, 0.05)) < 0.12
    assert np.mean(np.less(found, 0.5)) == pytest.approx(0.5, abs=0.15)


def test_holm_by_hand():
    """The ordered values are multiplied by 4, 3, 2 and 1, and never fall."""
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.7]) == pytest.approx([1, 1])
    assert holm([0.2]) == pytest.approx([0.2])
    assert holm([]).size == 0


@pytest.mark.parametrize('values, units, message', [
    ([], [], 'at least one row'),
    ([0.5, 0.6], [0], 'one unit a row'),
    ([0.5, np.nan], [0, 1], 'found nan'),
    ([0.5, np.inf], [0, 1], 'found inf'),
])
def test_what_has_no_mean_is_refused(values, units, message):
    with pytest.raises(ValueError, match=message):
        mean_interval(values, units)


def test_runs_of_different_length_are_refused():
    with pytest.raises(ValueError, match='differ in shape'):
        paired_difference([0.5], [0.5, 0.6], [0])
