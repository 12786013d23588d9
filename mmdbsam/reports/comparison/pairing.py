"""Pairs the rows of several reports."""

from pathlib import Path
from typing import Dict, List, Sequence, Tuple

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.predictions import NO_PROMPT
from mmdbsam.reports.report import Report

# The key is a volume and a draw of the prompts.
Key = Tuple[Tuple[str, int, int, int], int]
# Scores of the same masks may differ by rounding on another machine.
_ROUNDING = 1e-6
# What only a model with prompts has in its protocol.
_OF_PROMPTS = ('prompt', 'box_shift_px')


def rows_by_key(report: Report, method: str = 'model'
                ) -> Dict[Key, CaseScore]:
    """Return a method's rows by case, block, label and draw."""
    return {(row.volume, row.draw): row
            for row in report.rows if row.method == method}


def model_names(reports: Sequence[Report]) -> List[str]:
    """Name each report's model by its config, or else by its folder."""
    names = [Path(report.summary['provenance'].get('config', '')).stem
             for report in reports]
    if '' in names or len(set(names)) < len(names):
        return [str(report.folder) for report in reports]
    return names


def require_same(reports: Sequence[Report]) -> None:
    """Refuse to compare reports that were not measured alike.

    A model without prompts can be compared with one that has any; it has no
    baselines, which need boxes.

    Args:
        reports: The reports, each of which is checked against the first.

    Raises:
        InputError: If the task, the protocol, the metrics or the volumes
            differ, or if the baselines do, as then the data or the prompts are
            not the same.
    """
    first, *others = reports
    for other in others:
        for key, expected, found in _facts(first, other):
            if expected != found:
                raise InputError(
                    f'{other.folder}: {key}: expected {expected!r} as in '
                    f'{first.folder}, found {found!r}')
        for method in first.summary['scores']:
            if method in other.summary['scores']:
                _require_same_rows(first, other, method)


def _facts(first: Report, other: Report) -> List[tuple]:
    """List what must be equal, as (name, first value, other value)."""
    facts = [('task', first.summary['task'], other.summary['task'])]
    protocols = first.summary['protocol'], other.summary['protocol']
    facts.append(('scores', *(list(p['scores']) for p in protocols)))
    facts += [(key, *(protocol.get(key) for protocol in protocols))
              for key in {**protocols[0], **protocols[1]}]
    if sum(protocol['prompt'] == NO_PROMPT for protocol in protocols) == 1:
        return [fact for fact in facts if fact[0] not in _OF_PROMPTS]
    return [*facts, ('methods', list(first.summary['scores']),
                     list(other.summary['scores']))]


def _require_same_rows(first: Report, other: Report, method: str) -> None:
    expected, found = rows_by_key(first, method), rows_by_key(other, method)
    for here, there, a, b in ((first, other, expected, found),
                              (other, first, found, expected)):
        if missing := sorted(a.keys() - b.keys()):
            raise InputError(
                f'{there.folder}: cases: expected {_name(a[missing[0]])} as '
                f'in {here.folder}, found none')
    for key, row in expected.items():
        if row.voxels != found[key].voxels:
            raise InputError(
                f'{other.folder}: reference: expected {row.voxels} voxels of '
                f'{_name(row)} as in {first.folder}, found '
                f'{found[key].voxels}')
        for metric, value in row.scores.items():
            score = found[key].scores[metric]
            if method != 'model' and not np.isclose(
                    value, score, rtol=0, atol=_ROUNDING, equal_nan=True):
                raise InputError(
                    f'{other.folder}: data or prompts: expected a {metric} '
                    f'of {value:.4f} for the {method} of {_name(row)} as in '
                    f'{first.folder}, found {score:.4f}')


def _name(row: CaseScore) -> str:
    return (f"'{row.label}' in slices {row.start} to {row.stop} of case "
            f'{row.case}')
