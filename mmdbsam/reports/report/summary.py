"""Computes the numbers of a report, for programs and for its pages."""

from dataclasses import asdict
from typing import Dict, List, Mapping, Optional, Sequence

import numpy as np

from mmdbsam.evaluation.case_score import CaseScore, draw_spread, mean_scores
from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.evaluation.statistics import (
    LEVEL,
    MIN_CASES,
    RESAMPLES,
    mean_interval,
    resampling_units,
)
from mmdbsam.evaluation.volume_metric import StructureCount

# The ends of each interval by method and score, or None where there is none.
Intervals = Dict[str, Dict[str, Optional[List[float]]]]


def summarize(rows: Sequence[CaseScore], task: str, note: str, protocol: dict,
              run: dict, structures: Sequence[StructureCount] = (),
              patients: Optional[Mapping[str, str]] = None) -> dict:
    """Make the content of ``summary.json``, with all scores as fractions.

    Args:
        rows: All rows of the task, at least one.
        task: The name of the data set.
        note: A note on the data for readers of a score.
        protocol: The conventions of the rows, as :class:`.Evaluation` has
            them.
        run: The description that :func:`.describe_run` returns.
        structures: The counts of structures that were found without prompts.
        patients: The patient of each case. Without it, cases are taken as if
            each were a patient.

    Returns:
        dict: ``task``, ``note``, ``protocol``, the numbers of ``volumes``,
        ``cases`` and, where they are known, ``patients``, ``scores`` (see
        :func:`.mean_scores`), ``spread`` (see :func:`.draw_spread`),
        ``intervals`` (see :func:`mean_intervals`),
        ``resampling`` (how the intervals were made), ``labels`` (a list of
        dicts with ``label_id``, ``label``, the median ``volume_ml``,
        ``scores`` and ``intervals``), the keys of ``run`` and, if there are
        any, ``structures`` (a list of dicts of the counts).
    """
    volumes = {row.volume: row.case for row in rows}
    cases = set(volumes.values())
    people = {_patient(case, patients) for case in cases}
    unit = 'case' if patients is None else 'patient'
    return dict(
        task=task,
        note=note,
        protocol=protocol,
        volumes=len(volumes),
        cases=len(cases),
        **({} if patients is None else dict(patients=len(people))),
        scores=mean_scores(rows),
        spread=draw_spread(rows),
        intervals=mean_intervals(rows, patients),
        resampling=dict(unit=unit if len(people) >= MIN_CASES else 'volume',
                        level=LEVEL, resamples=RESAMPLES,
                        method='percentile bootstrap'),
        labels=_label_summaries(rows, patients),
        **run,
        **dict(structures=[asdict(one) for one in structures])
        if structures else {})


def mean_intervals(rows: Sequence[CaseScore],
                   patients: Optional[Mapping[str, str]] = None) -> Intervals:
    """Compute bootstrap intervals of the means of :func:`.mean_scores`.

    Returns:
        dict[str, dict]: ``[low, high]`` by method and score; None if there
        are fewer than :data:`.MIN_CASES` units, or values that are not
        finite.
    """
    return {method: _intervals([r for r in rows if r.method == method],
                               patients)
            for method in METHODS if any(r.method == method for r in rows)}


def row_units(rows: Sequence[CaseScore],
              patients: Optional[Mapping[str, str]] = None) -> np.ndarray:
    """Find the unit of each row, int (rows,).

    See :func:`.resampling_units`; the cases of a patient count as one.
    """
    return resampling_units([_patient(row.case, patients) for row in rows],
                            [row.volume for row in rows])


def _patient(case: str, patients: Optional[Mapping[str, str]]) -> str:
    return case if patients is None else patients[case]


def _intervals(rows: Sequence[CaseScore],
               patients: Optional[Mapping[str, str]]
               ) -> Dict[str, Optional[List[float]]]:
    units = row_units(rows, patients)
    found = {}
    for key in rows[0].scores:
        values = [row.scores[key] for row in rows]
        found[key] = None
        if len(set(units)) >= MIN_CASES and np.isfinite(values).all():
            interval = mean_interval(values, units)
            found[key] = [interval.low, interval.high]
    return found


def _label_summaries(rows: Sequence[CaseScore],
                     patients: Optional[Mapping[str, str]]) -> List[dict]:
    chosen: Dict[int, List[CaseScore]] = {}
    for row in rows:
        chosen.setdefault(row.label_id, []).append(row)
    return [
        dict(label_id=label_id, label=own[0].label,
             volume_ml=float(np.median([row.volume_ml for row in own])),
             scores=mean_scores(own), intervals=mean_intervals(own, patients))
        for label_id, own in sorted(chosen.items())
    ]
