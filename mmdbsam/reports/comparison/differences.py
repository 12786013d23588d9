"""Computes how reports' scores differ, and whether that may be chance."""

from dataclasses import dataclass, replace
from typing import List, Optional, Sequence

import numpy as np

from mmdbsam.evaluation.statistics import (
    LEVEL,
    MIN_CASES,
    PairedDifference,
    holm,
    paired_difference,
)
from mmdbsam.reports.comparison.pairing import rows_by_key
from mmdbsam.reports.report import Report
from mmdbsam.reports.report.score_formats import ScoreFormat, score_formats
from mmdbsam.reports.report.summary import row_units


@dataclass(frozen=True)
class Difference:
    """The difference of a report's model from the first report's in a score.

    Attributes:
        report: The index of the report.
        shown: The score.
        label_id: The label whose rows were compared, or None for all labels.
        first: The first report's mean over the rows.
        second: This report's mean over the same rows.
        rows: The number of rows, without those in which a value is not
            finite.
        paired: The difference of the values, made comparable by
            :meth:`.ScoreFormat.comparable`.
        tested: Whether there are enough units for a test.
        adjusted_p: The p value, adjusted by Holm's method for all the tested
            differences that were computed together.
    """

    report: int
    shown: ScoreFormat
    label_id: Optional[int]
    first: float
    second: float
    rows: int
    paired: PairedDifference
    tested: bool
    adjusted_p: float = 1.0

    @property
    def gain(self) -> float:
        """The mean by which the report is better than the first."""
        mean = self.paired.interval.mean
        return mean if self.shown.higher_is_better else -mean

    @property
    def is_clear(self) -> bool:
        """Whether both the test and the interval rule out chance."""
        return (self.tested and self.adjusted_p < 1 - LEVEL
                and self.paired.interval.excludes(0))


def compare(reports: Sequence[Report], by_label: bool = False
            ) -> List[Difference]:
    """Compare each report with the first, in all scores.

    Args:
        reports: Two or more reports that passed :func:`.require_same`.
        by_label: Whether to compare each label by itself.

    Returns:
        list[Difference]: The differences, ordered by report, then by score,
        then by label.
    """
    first = rows_by_key(reports[0])
    labels: list = [None]
    if by_label:
        labels = sorted({row.label_id for row in first.values()})
    found = []
    for index, report in enumerate(reports[1:], start=1):
        second = rows_by_key(report)
        for shown in score_formats(reports[0].summary['protocol']).values():
            for label_id in labels:
                pairs = [(row, second[key]) for key, row in first.items()
                         if label_id in (None, row.label_id)]
                pairs = [(a, b) for a, b in pairs if np.isfinite(
                    [a.scores[shown.name], b.scores[shown.name]]).all()]
                if pairs:
                    found.append(_compare(index, shown, label_id, pairs))
    return _adjust(found)


def _compare(index: int, shown: ScoreFormat, label_id: Optional[int],
             pairs: Sequence[tuple]) -> Difference:
    units = row_units([row for row, _ in pairs])
    first, second = np.array([[row.scores[shown.name] for row in pair]
                              for pair in pairs]).T
    return Difference(
        index, shown, label_id, float(first.mean()), float(second.mean()),
        len(pairs), paired_difference(
            shown.comparable(first), shown.comparable(second), units,
            shown.higher_is_better),
        tested=len(set(units)) >= MIN_CASES)


def _adjust(differences: Sequence[Difference]) -> List[Difference]:
    tested = [d for d in differences if d.tested]
    adjusted = iter(holm([d.paired.p_value for d in tested]).tolist())
    return [replace(d, adjusted_p=next(adjusted)) if d.tested else d
            for d in differences]
