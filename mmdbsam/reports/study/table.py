"""Makes the table of a study, and its numbers for programs."""

import csv
import io
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, Optional, Sequence

import numpy as np
from rich.table import Table as TerminalTable
from rich.text import Text

from mmdbsam.reports.comparison.verdicts import difference_cell, p_value
from mmdbsam.reports.pages.table import Cell, Table
from mmdbsam.reports.report.markdown import protocol_text
from mmdbsam.reports.report.score_formats import ScoreFormat
from mmdbsam.reports.report.score_tables import score_cell
from mmdbsam.reports.study.results import BLOCKS, StudyResult, VariantResult

NOTHING = Cell('–')


def build_table(result: StudyResult) -> Table:
    """Make a table of each variant's blocks, costs and scores."""
    formats = result.formats
    header = ['variant', *BLOCKS, 'trained (M)', 'GFLOPs', 'latency (ms)']
    for shown in formats:
        header += [shown.heading, f'Δ {shown.name}', 'p']
    rows = [[Cell(row.variant.name),
             *(Cell('✓') if row.blocks[block] else NOTHING
               for block in BLOCKS),
             _number(row.costs.get('trained'), 1e-6, 2),
             _number(row.costs.get('flops'), 1e-9, 1),
             _number(row.costs.get('seconds'), 1e3, 0),
             *(cell for shown in formats
               for cell in _score_cells(row, shown))]
            for row in result.rows]
    return Table(header, rows, f'{result.study.title}. '
                 + ' '.join(table_notes(result)))


def for_terminal(table: Table) -> TerminalTable:
    """Make a narrower table, with intervals below their differences."""
    shown = TerminalTable(box=None, pad_edge=False)
    for i, name in enumerate(table.header):
        shown.add_column(Text(name), justify='right' if i else 'left',
                         overflow='fold')
    for row in table.rows:
        shown.add_row(*(Text('\n'.join(filter(None, cell))) for cell in row))
    return shown


def table_notes(result: StudyResult) -> List[str]:
    """List the notes that a reader of the table needs."""
    compared = sum(len(row.differences) for row in result.rows)
    return [*(_data_notes(result) if result.reports else []),
            *(_test_notes(result, compared) if compared else []),
            *_cost_notes(result.latency),
            *(f"'{row.variant.name}': {row.missing}." for row in result.rows
              if row.missing)]


def to_csv(result: StudyResult) -> str:
    """Write all numbers as CSV, unrounded, as the reports have them."""
    rows = [_numbers(row, result.study.metrics) for row in result.rows]
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _score_cells(row: VariantResult, shown: ScoreFormat) -> List[Cell]:
    """Make cells of the score, its difference with interval, and p."""
    if not row.reports:
        failed = 'failed' in row.missing
        return [Cell('failed') if failed else NOTHING, NOTHING, NOTHING]
    means = row.means(shown.name)
    score = score_cell(shown, np.mean(means), spread=np.std(means, ddof=1)
                       if len(means) > 1 else None)
    difference = row.differences.get(shown.name)
    if difference is None:
        return [score, NOTHING, NOTHING]
    return [score, difference_cell(difference), Cell(p_value(difference))]


def _data_notes(result: StudyResult) -> Iterator[str]:
    summary, seeds = result.reports[0].summary, result.study.seeds
    note = f' {summary["note"]}' if summary['note'] else ''
    yield f'Data: {summary["task"]}.{note}'
    yield protocol_text(summary['protocol'])
    if len(seeds) > 1:
        yield ('The variants are trained with the seeds '
               f'{", ".join(map(str, seeds))}. Scores are means over the '
               'seeds, ± their standard deviations.')
    else:
        yield f'The variants are trained with seed {seeds[0]}.'
    code = [report.summary['provenance']['code'] for report in result.reports]
    commits = {found['commit'] for found in code if found}
    if len(commits) > 1:
        yield ('The variants were tested by different code, of the commits '
               f'{", ".join(sorted(commits))}.')


def _test_notes(result: StudyResult, compared: int) -> Iterator[str]:
    summary = result.reports[0].summary
    averaged = (', averaged over the seeds' if len(result.study.seeds) > 1
                else '')
    how = summary['resampling']
    limits = ('' if how['unit'] == 'case' else
              ' Neither says anything about other cases.')
    yield (f"Δ is the mean difference from '{result.rows[0].variant.name}' "
           f'over {_plural(summary["volumes"], "volume")} of '
           f'{_plural(summary["cases"], "case")}{averaged}, with its '
           f'{100 * how["level"]:g} % interval by {how["method"]} over '
           f'{how["unit"]}s. p is that of a Wilcoxon signed-rank test over '
           f"the {how['unit']}s, adjusted by Holm's method for "
           f"{_plural(compared, 'comparison')}.{limits}")


def _cost_notes(latency: Sequence[Dict[str, Any]]) -> Iterator[str]:
    for how in latency:
        yield ('GFLOPs (a multiplication and an addition count as two) and '
               'latency are those of encoding one image of '
               f'{how["image_side"]} px and decoding '
               f'{_plural(how["prompts"], "prompt")}, in {how["precision"]} '
               f'on {how["device"]}, with '
               f'{_plural(how["threads"], "thread")}.')


def _numbers(row: VariantResult, metrics: Sequence[str]) -> Dict[str, Any]:
    numbers: Dict[str, Any] = dict(
        variant=row.variant.name, **row.blocks,
        **{key: row.costs.get(key) for key in ('trained', 'frozen', 'flops',
                                               'seconds')},
        seeds=' '.join(map(str, row.reports)))
    for metric in metrics:
        means = row.means(metric)
        difference = row.differences.get(metric)
        found = {} if difference is None else {
            **asdict(difference.paired.interval), 'p': difference.adjusted_p}
        numbers.update({
            metric: np.mean(means) if means else None,
            f'{metric}_std': np.std(means, ddof=1) if len(means) > 1 else None,
            **{f'{metric}_difference_{name}': found.get(name)
               for name in ('mean', 'low', 'high', 'p')}})
    return {**numbers, 'missing': row.missing}


def _plural(number: int, noun: str) -> str:
    return f'{number} {noun}' + ('' if number == 1 else 's')


def _number(value: Optional[float], factor: float, decimals: int) -> Cell:
    return NOTHING if value is None else Cell(f'{factor * value:.{decimals}f}')
