"""Writes differences as text and as tables."""

from typing import List, Sequence

from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.evaluation.statistics import MIN_CASES
from mmdbsam.reports.comparison.differences import Difference
from mmdbsam.reports.comparison.pairing import model_names, rows_by_key
from mmdbsam.reports.pages.table import Cell, Table
from mmdbsam.reports.report import Report
from mmdbsam.reports.report.score_formats import ScoreFormat, score_formats
from mmdbsam.reports.report.score_tables import (
    mean_caption,
    mean_cells,
    score_cell,
)

NOTHING = '–'


def verdict(difference: Difference, names: Sequence[str]) -> str:
    """Say in one line which model is better, and by how much.

    Args:
        difference: The difference over all rows.
        names: The names of the reports' models.
    """
    shown, paired = difference.shown, difference.paired
    one, other = names[difference.report], names[0]
    unit = shown.difference_unit
    if paired.wins == paired.losses == 0:
        return (f'{shown.name}: {one} equals {other} in all {difference.rows} '
                'volumes')
    if not difference.tested:
        return (f'{shown.name}: {one} differs from {other} by '
                f'{shown.signed(paired.interval.mean)} {unit} in '
                f'{difference.rows} volumes, too few to test')
    low, high = paired.interval.low, paired.interval.high
    p_text = f'p = {p_value(difference)}'
    if not difference.is_clear:
        return (f'{shown.name}: no clear difference of {one} from {other}: '
                f'{shown.signed(paired.interval.mean)} [{shown.signed(low)}, '
                f'{shown.signed(high)}] {unit}, {p_text}')
    if paired.interval.mean < 0:
        low, high = -high, -low
    word = 'better' if difference.gain > 0 else 'worse'
    return (f'{shown.name}: {one} is {word} than {other} by '
            f'{shown.text(abs(paired.interval.mean))} [{shown.text(low)}, '
            f'{shown.text(high)}] {unit}, {p_text}')


def score_table(reports: Sequence[Report]) -> Table:
    """Make the table of the baselines and of each report's model."""
    summary, names = reports[0].summary, model_names(reports)
    formats = score_formats(summary['protocol'])
    # Models without prompts have no baselines.
    boxed = max((report.summary for report in reports),
                key=lambda one: len(one['scores']))
    rows = [[Cell(METHODS[method]), *mean_cells(boxed, method)]
            for method in boxed['scores'] if method != 'model']
    rows += [[Cell(name), *mean_cells(report.summary, 'model')]
             for name, report in zip(names, reports, strict=True)]
    return Table(['', *(shown.heading for shown in formats.values()), 'n'],
                 rows, mean_caption(summary))


def difference_table(differences: Sequence[Difference],
                     reports: Sequence[Report]) -> Table:
    """Make the table of the differences over all rows."""
    names, summary = model_names(reports), reports[0].summary
    rows = []
    for d in differences:
        rows.append([Cell(names[d.report]),
                     Cell(d.shown.heading),
                     difference_cell(d), Cell(p_value(d)),
                     Cell(_outcomes(d)), Cell(str(d.rows))])
    return Table(
        ['', 'score', 'difference', 'p', 'win / tie / loss', 'n'], rows,
        f'Differences from {names[0]}. Scores whose ideal is 0 are compared '
        'by their absolute values. Intervals are as above. The p values are '
        'those of Wilcoxon signed-rank tests over '
        f'{summary["resampling"]["unit"]}s, adjusted by Holm\'s method for '
        f'the {len(differences)} tests of this table.')


def label_table(shown: ScoreFormat, differences: Sequence[Difference],
                reports: Sequence[Report]) -> Table:
    """Make the table of each label's differences, the losses first."""
    names = model_names(reports)
    labels = {row.label_id: row.label
              for row in rows_by_key(reports[0]).values()}
    chosen = [d for d in differences if d.shown == shown]
    by_label = {label_id: [d for d in chosen if d.label_id == label_id]
                for label_id in labels}
    order = sorted((own for own in by_label.values() if own),
                   key=lambda own: min(d.gain for d in own))
    rows = []
    for own in order:
        row = [Cell(labels[own[0].label_id]), Cell(str(own[0].rows)),
               score_cell(shown, own[0].first)]
        for d in own:
            row += [score_cell(shown, d.second), difference_cell(d),
                    Cell(p_value(d)), Cell(_outcomes(d))]
        rows.append(row)
    header = ['label', 'n', names[0]]
    for name in names[1:]:
        header += [name, 'difference', 'p', 'win / tie / loss']
    tests = sum(d.tested for d in differences)
    return Table(
        header, rows, f'{shown.heading} by label. The p values are adjusted '
        f'by Holm\'s method for the {tests} tests of all labels and scores. '
        f'Labels with fewer than {MIN_CASES} volumes are not tested.')


def p_value(difference: Difference) -> str:
    """Format the adjusted p value, or a dash where nothing was tested."""
    if not difference.tested:
        return NOTHING
    p = difference.adjusted_p
    return f'{p:.1e}' if p < 0.001 else f'{p:.3f}'


def difference_cell(difference: Difference) -> Cell:
    """Make the cell of a difference, with its interval if it was tested."""
    shown, interval = difference.shown, difference.paired.interval
    detail = (f'[{shown.signed(interval.low)}, {shown.signed(interval.high)}]'
              if difference.tested else '')
    return Cell(shown.signed(interval.mean), detail)


def _outcomes(difference: Difference) -> str:
    paired = difference.paired
    return f'{paired.wins} / {paired.ties} / {paired.losses}'


def differing_facts(facts: Sequence[List[tuple]]) -> List[List[Cell]]:
    """List the facts in which reports differ.

    Args:
        facts: The facts of each report, see :func:`.markdown.facts`.
    """
    tables = [dict(own) for own in facts]
    names = {name: None for own in tables for name in own}
    values = {name: [own.get(name, NOTHING) for own in tables]
              for name in names}
    return [[Cell(name), *map(Cell, own)] for name, own in values.items()
            if len(set(own)) > 1]
