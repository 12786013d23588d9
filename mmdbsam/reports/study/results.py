"""Collects the scores, the costs and the differences of a study."""

import copy
import json
from dataclasses import dataclass, field, replace
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
import torch
from mmengine.config import Config
from torch import nn

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.reports.comparison import Difference, compare, require_same
from mmdbsam.reports.comparison.pairing import rows_by_key
from mmdbsam.reports.report import Report, read_report
from mmdbsam.reports.report.score_formats import ScoreFormat, score_formats
from mmdbsam.studies.runs import Run
from mmdbsam.studies.study import Study, Variant

BLOCKS = ('adapter', 'stem', 'neck', 'fusion')


@dataclass
class VariantResult:
    """A row of a study's table.

    Attributes:
        variant: The variant.
        blocks: The type of each block; None if the variant leaves it out.
        costs: The costs of the whole model, as ``mmdbsam flops`` measures
            them: ``trained`` and ``frozen`` parameters, ``flops``,
            ``seconds`` and ``bytes``.
        reports: The reports of the tested runs, by seed.
        missing: A text that says what is missing; empty if nothing is.
        differences: The difference from the first variant in each score, over
            rows that are averaged over the seeds.
    """

    variant: Variant
    blocks: Dict[str, Optional[str]]
    costs: Dict[str, float]
    reports: Dict[int, Report]
    missing: str
    differences: Dict[str, Difference] = field(default_factory=dict)

    def means(self, metric: str) -> List[float]:
        """Return a score's mean over all rows, for each seed."""
        return [report.summary['scores']['model'][metric]
                for report in self.reports.values()]


@dataclass(frozen=True)
class StudyResult:
    """The results of a study.

    Attributes:
        study: The study.
        rows: The variants' results, in the study's order.
        latency: The different settings in which latencies were measured, each
            with ``image_side``, ``prompts``, ``device``, ``threads`` and
            ``precision``.
    """

    study: Study
    rows: List[VariantResult]
    latency: List[Dict[str, Any]]

    @property
    def reports(self) -> List[Report]:
        """The reports of all runs."""
        return [report for row in self.rows
                for report in row.reports.values()]

    @property
    def formats(self) -> List[ScoreFormat]:
        """The formats of the study's scores; empty without a report."""
        if not self.reports:
            return []
        known = score_formats(self.reports[0].summary['protocol'])
        return [known[metric] for metric in self.study.metrics]


def collect(study: Study, runs: Sequence[Run],
            failures: Dict[Run, str]) -> StudyResult:
    """Read the reports that exist, and compare the variants.

    Args:
        study: The study.
        runs: The study's runs.
        failures: The last line of the error of each run that failed.

    Raises:
        InputError: If a report cannot be read or lacks one of the study's
            scores, or if reports differ in their data or protocols.
    """
    latency: List[Dict[str, Any]] = []
    rows = []
    for variant in study.variants:
        own = [run for run in runs if run.variant is variant]
        costs: Dict[str, float] = {}
        for run in own:
            if run.costs.is_file():
                measured = json.loads(run.costs.read_text())
                costs = measured.pop('blocks')['total']
                del measured['config']
                if measured not in latency:
                    latency.append(measured)
        rows.append(VariantResult(
            variant, _blocks(own[0].cfg), costs,
            {run.seed: read_report(run.report) for run in own
             if run.is_tested}, _missing(own, failures)))
    result = StudyResult(study, rows, latency)
    _check(result)
    _compare(result)
    return result


def _check(result: StudyResult) -> None:
    for report in result.reports[:1]:
        require_same(result.reports)
        found = report.summary['protocol']['scores']
        for metric in result.study.metrics:
            if metric not in found:
                raise InputError(
                    f'study {result.study.path}: metrics: expected some of '
                    f'{", ".join(found)}, which {report.folder} has, found '
                    f"'{metric}'")


def _missing(runs: Sequence[Run], failures: Dict[Run, str]) -> str:
    """Say in a clause for each what a variant lacks."""
    clauses = [f'seed {run.seed} failed: {failures[run]}' for run in runs
               if run in failures]
    left = [str(run.seed) for run in runs
            if not run.is_tested and run not in failures]
    if left:
        clauses.append(f'seed {", ".join(left)} not run')
    return '; '.join(clauses)


def _blocks(cfg: Config) -> Dict[str, Optional[str]]:
    """Find the types of the blocks that a model's encoder really has."""
    config = cfg.model.get('image_encoder') or cfg.model.backbone.get(
        'encoder')
    if config is None:
        # It is a peer with another encoder.
        return dict.fromkeys(BLOCKS)
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


def _compare(result: StudyResult) -> None:
    """Fill in the differences from the first row."""
    first, *others = result.rows
    tested = [first, *(row for row in others if row.reports)]
    # A seed that only some variants have would bias the differences.
    seeds = set.intersection(*(set(row.reports) for row in tested))
    if seeds:
        averaged = [_average([row.reports[seed] for seed in sorted(seeds)],
                             result.study.metrics) for row in tested]
        for difference in compare(averaged):
            row = tested[difference.report]
            row.differences[difference.shown.name] = difference


def _average(reports: Sequence[Report], metrics: Sequence[str]) -> Report:
    """Average the scores of several reports, row by row, into one."""
    tables = [rows_by_key(report) for report in reports]
    summary = copy.deepcopy(reports[0].summary)
    shown = summary['protocol']['scores']
    summary['protocol']['scores'] = {metric: shown[metric]
                                     for metric in metrics}
    rows = [replace(row, scores={metric: float(np.mean(
        [table[key].scores[metric] for table in tables]))
        for metric in metrics}) for key, row in tables[0].items()]
    return replace(reports[0], summary=summary, rows=rows)
