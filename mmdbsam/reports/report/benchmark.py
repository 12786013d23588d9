"""Writes the page and the tables above the reports of several tasks."""

import csv
import io
import json
from pathlib import Path
from typing import Dict, List, Optional, Sequence

from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.evaluation.statistics import mean_of_means_interval
from mmdbsam.io.atomic import write_text
from mmdbsam.reports.pages.html import render_page
from mmdbsam.reports.pages.table import Cell, Table, latex_document
from mmdbsam.reports.report import plots
from mmdbsam.reports.report.folder import Report, read_report
from mmdbsam.reports.report.markdown import facts
from mmdbsam.reports.report.score_formats import ScoreFormat, score_formats
from mmdbsam.reports.report.score_tables import score_cell
from mmdbsam.reports.report.summary import row_units

# The keys of a summary that describe the run, which all tasks share.
_RUN = ('provenance', 'versions', 'hardware', 'created')


def write_benchmark(folder: Path, planar: Dict[str, bool],
                    patients: Optional[Dict[str, Dict[str, str]]] = None
                    ) -> None:
    """Write the means over the 3-D and over the 2-D tasks.

    Each task counts once. ``tasks.csv``, ``summary.json``, ``report.md``,
    ``table.tex`` and ``index.html`` are written, each of them atomically.

    Args:
        folder: The folder of the tasks' reports, which are in folders of the
            tasks' names.
        planar: Whether each task is a 2-D task, by the task's name.
        patients: The patient of each case, by the task's name and the case's.
    """
    reports = {name: read_report(folder / name) for name in planar}
    formats = _common_formats(list(reports.values()))
    averages = {
        dimensions: _average({name: reports[name] for name in planar
                              if planar[name] == (dimensions == '2-D')},
                             formats, patients or {})
        for dimensions in ('3-D', '2-D')
        if (dimensions == '2-D') in planar.values()}
    table = _table(reports, planar, formats, averages)
    first = next(iter(reports.values())).summary
    summary = dict(
        tasks={name: dict(dimensions=2 if planar[name] else 3,
                          volumes=report.summary['volumes'],
                          scores=report.summary['scores'],
                          intervals=report.summary['intervals'])
               for name, report in reports.items()},
        averages=averages, **{key: first[key] for key in _RUN})
    notes = {name: report.summary['note'] for name, report in reports.items()
             if report.summary['note']}
    texts = {
        'tasks.csv': _csv(reports, planar, formats),
        'summary.json': json.dumps(summary, indent=2),
        'report.md': '\n\n'.join([
            '# Benchmark', table.markdown(), table.caption,
            *(f'> {name}: {note}' for name, note in notes.items())]) + '\n',
        'table.tex': latex_document([table], 'Benchmark.'),
        'index.html': render_page(
            'benchmark.html', table=table, tasks=list(reports), notes=notes,
            plot=plots.group_boxes(
                {name: report.rows for name, report in reports.items()},
                formats['DSC']),
            facts=facts(summary)),
    }
    for name, text in texts.items():
        write_text(folder / name, text)


def _common_formats(reports: Sequence[Report]) -> Dict[str, ScoreFormat]:
    """Find the scores that all tasks have."""
    first, *others = [score_formats(report.summary['protocol'])
                      for report in reports]
    return {name: shown for name, shown in first.items()
            if all(name in other for other in others)}


def _average(reports: Dict[str, Report], formats: Dict[str, ScoreFormat],
             patients: Dict[str, Dict[str, str]]) -> dict:
    """Average the model's scores over tasks, with their intervals."""
    found = dict(scores={}, intervals={}, tasks=len(reports))
    for name in formats:
        tasks = []
        for task, report in reports.items():
            rows = [row for row in report.rows if row.method == 'model']
            tasks.append(([row.scores[name] for row in rows],
                          row_units(rows, patients.get(task))))
        interval = mean_of_means_interval(tasks)
        known = all(report.summary['intervals']['model'][name]
                    for report in reports.values())
        found['scores'][name] = interval.mean
        found['intervals'][name] = [interval.low, interval.high] if (
            known) else None
    return found


def _table(reports: Dict[str, Report], planar: Dict[str, bool],
           formats: Dict[str, ScoreFormat], averages: dict) -> Table:
    baselines = [method for method in METHODS if method != 'model'
                 and all(method in report.summary['scores']
                         for report in reports.values())]
    rows = [[Cell(f'mean of {found["tasks"]} {dimensions} tasks'), Cell(''),
             Cell(''), *_score_cells(found['scores'], found['intervals'],
                                     formats), *(Cell('') for _ in baselines)]
            for dimensions, found in averages.items()]
    for name, report in reports.items():
        summary, scores = report.summary, report.summary['scores']
        rows.append([
            Cell(name), Cell('2-D' if planar[name] else '3-D'),
            Cell(str(summary['volumes'])),
            *_score_cells(scores['model'], summary['intervals']['model'],
                          formats),
            *(score_cell(formats['DSC'], scores[method]['DSC'])
              for method in baselines)])
    return Table(
        ['task', '', 'n', *(_heading(name, reports) for name in formats),
         *(f'{METHODS[method]}: {formats["DSC"].heading}'
           for method in baselines)], rows,
        'Scores of the model, and the DSC of other methods. The means are '
        'separate for 3-D and 2-D tasks, and count each task once. Brackets '
        'hold 95 % bootstrap intervals, resampled within the tasks.')


def _heading(name: str, reports: Dict[str, Report]) -> str:
    """Head a score's column, with unit and tolerance if all tasks agree."""
    headings = {score_formats(report.summary['protocol'])[name].heading
                for report in reports.values()}
    return headings.pop() if len(headings) == 1 else name


def _score_cells(scores: Dict[str, float],
                 intervals: Dict[str, Optional[List[float]]],
                 formats: Dict[str, ScoreFormat]) -> List[Cell]:
    return [score_cell(shown, scores[name], intervals[name])
            for name, shown in formats.items()]


def _csv(reports: Dict[str, Report], planar: Dict[str, bool],
         names: Sequence[str]) -> str:
    text = io.StringIO(newline='')
    table = csv.writer(text, lineterminator='\n')
    table.writerow(['task', 'dimensions', *names, 'volumes'])
    for name, report in reports.items():
        table.writerow([name, 2 if planar[name] else 3,
                        *(report.summary['scores']['model'][key]
                          for key in names), report.summary['volumes']])
    return text.getvalue()
