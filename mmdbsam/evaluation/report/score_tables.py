"""The tables of a report."""

from typing import List, Optional

from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.evaluation.report.metric_formats import METRIC_FORMATS
from mmdbsam.evaluation.report.table import Cell, Table


def heading(metric: str, protocol: dict) -> str:
    """A metric's name with its unit, and the tolerance of the NSD."""
    unit = METRIC_FORMATS[metric].unit
    if metric == 'NSD':
        return f'NSD at {protocol["tolerance_mm"]:g} mm ({unit})'
    return f'{metric} ({unit})'


def score_cell(metric: str, value: float,
               interval: Optional[List[float]] = None) -> Cell:
    """A value with its interval."""
    shown = METRIC_FORMATS[metric]
    if interval is None:
        return Cell(shown.text(value))
    low, high = map(shown.text, interval)
    return Cell(shown.text(value), f'[{low}, {high}]')


def method_table(summary: dict) -> Table:
    """The means of each method, with their intervals."""
    scores, protocol = summary['scores'], summary['protocol']
    metrics = list(summary['intervals']['model'])
    return Table(
        ['method', *(heading(m, protocol) for m in metrics), 'n'],
        [[Cell(METHODS[method]),
          *(score_cell(m, mean[m], summary['intervals'][method][m])
            for m in metrics), Cell(str(mean['n']))]
         for method, mean in scores.items()],
        f'{summary["task"]}: {protocol["averaging"]}'
        f'{interval_note(summary)}.')


def label_table(summary: dict) -> Table:
    """The model's means of each label, and the first metric's of others."""
    protocol = summary['protocol']
    metrics = list(summary['intervals']['model'])
    others = [m for m in summary['scores'] if m != 'model']
    rows = []
    for entry in summary['labels']:
        scores, intervals = entry['scores'], entry['intervals']
        rows.append([
            Cell(entry['label']), Cell(str(scores['model']['n'])),
            Cell(f'{entry["volume_ml"]:.3g}'),
            *(score_cell(m, scores['model'][m], intervals['model'][m])
              for m in metrics),
            *(score_cell(metrics[0], scores[other][metrics[0]])
              for other in others),
        ])
    return Table(
        ['label', 'n', 'size (ml)', *(heading(m, protocol) for m in metrics),
         *(f'{METHODS[m]}: {heading(metrics[0], protocol)}' for m in others)],
        rows, f'{summary["task"]}: the model by label; the size is the '
        "median of the reference's.")


def interval_note(summary: dict) -> str:
    """How the intervals were made, to follow after a text."""
    if summary['intervals']['model'][
            next(iter(summary['intervals']['model']))] is None:
        return '; too few rows for intervals'
    how = summary['resampling']
    text = (f'; in brackets {100 * how["level"]:g} % intervals, '
            f'{how["method"]} over {how["unit"]}s')
    if how['unit'] == 'row':
        count = summary['cases']
        text += (f' of {count} case{"s" if count > 1 else ""}, which says '
                 'nothing about other cases')
    return text
