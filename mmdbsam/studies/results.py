"""What the reports of a study say: scores, costs, and their differences."""

import csv
import json
import math
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from mmdbsam.errors import InputError
from mmdbsam.evaluation.statistics import (
    PairedDifference,
    holm,
    paired_difference,
    resampling_units,
)
from mmdbsam.registry import MODELS
from mmdbsam.studies.runs import Run
from mmdbsam.studies.study import Study, Variant

BLOCKS = ('adapter', 'stem', 'neck', 'fusion')
# Case, first slice, end, label id.
RowKey = Tuple[str, ...]


@dataclass
class VariantResult:
    """A row of a study's table.

    Attributes:
        variant: The variant.
        blocks: Block to the type that it has here, None where it is left out.
        costs: What ``get_flops.py`` says of the whole model: ``trained``,
            ``frozen`` (parameters), ``flops``, ``seconds``, ``bytes``.
        scores: Seed to metric to the scores of the rows.
        differences: Metric to the difference to the first variant, over rows
            that are averaged over the seeds; its p is Holm-corrected over the
            variants.
        missing: What is not there, for people; empty if nothing is missing.
    """

    variant: Variant
    blocks: Dict[str, Optional[str]]
    costs: Dict[str, float]
    scores: Dict[int, Dict[str, Dict[RowKey, float]]]
    differences: Dict[str, PairedDifference] = field(default_factory=dict)
    missing: str = ''

    def means(self, metric: str) -> List[float]:
        """The mean of each seed's rows."""
        return [float(np.mean(list(scores[metric].values())))
                for scores in self.scores.values()]


@dataclass(frozen=True)
class StudyResult:
    """All that is shown of a study.

    Attributes:
        study: The study.
        rows: The variants' results, in the study's order.
        facts: What all reports have in common: ``task``, ``note``,
            ``protocol`` and ``rows`` (their keys); empty without a report.
        latency: How the latencies were measured, each way once:
            ``image_side``, ``prompts``, ``device``, ``threads``,
            ``precision``.
    """

    study: Study
    rows: List[VariantResult]
    facts: Dict[str, Any]
    latency: List[Dict[str, Any]]


def collect(study: Study, runs: Sequence[Run],
            failures: Dict[Run, str]) -> StudyResult:
    """Read the reports that there are, and compare the variants.

    Args:
        study: The study.
        runs: Its runs.
        failures: Failed run to the last line of its error.

    Raises:
        InputError: If a report lacks one of the study's metrics, has scores
            that are not finite, or is on other data or by another protocol
            than the others.
    """
    facts: Dict[str, Any] = {}
    latency: List[Dict[str, Any]] = []
    rows = []
    for variant in study.variants:
        own = [run for run in runs if run.variant is variant]
        costs: Dict[str, float] = {}
        scores = {}
        for run in own:
            if run.is_tested:
                scores[run.seed] = _read_scores(run, study.metrics)
                _require_same(facts, run, scores[run.seed])
            if run.costs.is_file():
                measured = json.loads(run.costs.read_text())
                costs = measured.pop('blocks')['total']
                del measured['config']
                if measured not in latency:
                    latency.append(measured)
        rows.append(VariantResult(variant, _blocks(own[0].cfg), costs, scores,
                                  missing=_missing(own, failures)))
    _compare(rows, study.metrics)
    return StudyResult(study, rows, facts, latency)


def _read_scores(run: Run, metrics: Sequence[str]
                 ) -> Dict[str, Dict[RowKey, float]]:
    path = run.report / 'cases.csv'
    found: Dict[str, Dict[RowKey, float]] = defaultdict(dict)
    with open(path, newline='', encoding='utf-8') as file:
        table = csv.DictReader(file)
        for metric in metrics:
            if metric not in (table.fieldnames or ()):
                raise InputError(f'{path}: expected a column {metric}, one of '
                                 "the study's metrics, found "
                                 f'{", ".join(table.fieldnames or ())}')
        for row in table:
            if row['method'] == 'model':
                key = tuple(row[name] for name in ('case', 'start', 'stop',
                                                   'label_id'))
                for metric in metrics:
                    found[metric][key] = float(row[metric])
                    if not math.isfinite(found[metric][key]):
                        raise InputError(
                            f'{path}: {metric}: expected finite scores, found '
                            f"{row[metric]}; leave it out of the study's "
                            'metrics')
    return dict(found)


def _require_same(facts: Dict[str, Any], run: Run,
                  scores: Dict[str, Dict[RowKey, float]]) -> None:
    """Refuse what was not measured like the reports before."""
    summary = json.loads((run.report / 'summary.json').read_text())
    found = {key: summary[key] for key in ('task', 'note', 'protocol')}
    found['rows'] = sorted(next(iter(scores.values())))
    for key, value in found.items():
        expected = facts.setdefault(key, value)
        if value != expected:
            raise InputError(
                f'{run.report}: {key}: expected {expected!r} as in the '
                f'reports before, found {value!r}; a study compares what was '
                'tested alike')


def _missing(runs: Sequence[Run], failures: Dict[Run, str]) -> str:
    """What a variant lacks, a clause each."""
    clauses = [f'seed {run.seed} failed: {failures[run]}' for run in runs
               if run in failures]
    left = [str(run.seed) for run in runs
            if not run.is_tested and run not in failures]
    if left:
        clauses.append(f'seed {", ".join(left)} not run')
    return '; '.join(clauses)


def _blocks(cfg: Config) -> Dict[str, Optional[str]]:
    """The added blocks of a model's encoder, of those that it keeps."""
    config = cfg.model.image_encoder
    with torch.device('meta'):
        encoder = MODELS.build(config)
    modules = dict(adapter=encoder.adapters, stem=encoder.stem,
                   neck=encoder.necks, fusion=encoder.fusion)
    return {block: config[block].type if _is_there(modules[block]) else None
            for block in BLOCKS}


def _is_there(module: Optional[nn.Module]) -> bool:
    if isinstance(module, nn.ModuleList):
        return any(map(_is_there, module))
    return module is not None and not isinstance(module, nn.Identity)


def _compare(rows: Sequence[VariantResult], metrics: Sequence[str]) -> None:
    """Fill in the differences to the first row."""
    first, *others = rows
    for metric in metrics:
        compared = []
        for row in others:
            # A seed that failed for one of them would bias the difference.
            seeds = [seed for seed in row.scores if seed in first.scores]
            if seeds:
                cases, before = _over_seeds(first, seeds, metric)
                _, after = _over_seeds(row, seeds, metric)
                row.differences[metric] = paired_difference(
                    before, after, resampling_units(cases))
                compared.append(row)
        corrected = holm([row.differences[metric].p_value
                          for row in compared])
        for row, p_value in zip(compared, corrected, strict=True):
            row.differences[metric] = replace(row.differences[metric],
                                              p_value=float(p_value))


def _over_seeds(result: VariantResult, seeds: Sequence[int], metric: str
                ) -> Tuple[List[str], np.ndarray]:
    """Each row's case and mean over the seeds, in the order of the keys."""
    tables = [result.scores[seed][metric] for seed in seeds]
    keys = sorted(tables[0])
    return ([key[0] for key in keys],
            np.mean([[table[key] for key in keys] for table in tables], 0))
