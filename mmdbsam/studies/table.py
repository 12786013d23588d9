"""The table of a study, for a terminal, a page, a paper and a program."""

import csv
import io
import re
from dataclasses import asdict
from typing import Any, Dict, Iterator, List, NamedTuple, Optional, Sequence

import numpy as np
from rich.table import Table as RichTable
from rich.text import Text

from mmdbsam.evaluation.statistics import MIN_CASES
from mmdbsam.studies.results import BLOCKS, StudyResult, VariantResult

# Scores between 0 and 1, which papers print in percent.
_FRACTIONS = ('DSC', 'NSD', 'IoU')
_LATEX = {'\\': r'\textbackslash{}', '&': r'\&', '%': r'\%', '$': r'\$',
          '#': r'\#', '_': r'\_', '{': r'\{', '}': r'\}',
          '~': r'\textasciitilde{}', '^': r'\textasciicircum{}',
          'Δ': r'$\Delta$', '±': r'$\pm$', '✓': r'\checkmark',
          '<': '$<$', '–': '--', '+': '$+$'}


class StudyTable(NamedTuple):
    """Cells as they are printed.

    Attributes:
        header: A name a column; the first column's cells are names.
        rows: The cells of each variant.
        notes: What a reader must know, a sentence or more each.
    """

    header: List[str]
    rows: List[List[str]]
    notes: List[str]


def scale_of(metric: str) -> float:
    """What a score is multiplied by where it is shown."""
    return 100. if metric in _FRACTIONS else 1.


def build_table(result: StudyResult) -> StudyTable:
    """The cells of a study's table."""
    header = ['variant', *BLOCKS, 'trained (M)', 'GFLOPs', 'latency (ms)']
    for metric in result.study.metrics:
        header += [metric, f'Δ {metric}', 'p']
    rows = []
    for row in result.rows:
        costs = row.costs
        cells = [row.variant.name,
                 *('✓' if row.blocks[block] else '–' for block in BLOCKS),
                 *(_number(costs.get(key), factor, digits)
                   for key, factor, digits in (('trained', 1e-6, 2),
                                               ('flops', 1e-9, 1),
                                               ('seconds', 1e3, 0)))]
        for metric in result.study.metrics:
            cells += _score_cells(row, metric)
        rows.append(cells)
    return StudyTable(header, rows, _notes(result))


def to_rich(table: StudyTable) -> RichTable:
    """For a terminal: intervals stand below their differences."""
    shown = RichTable(box=None, pad_edge=False)
    for i, name in enumerate(table.header):
        shown.add_column(name, justify='right' if i else 'left',
                         overflow='fold')
    for row in table.rows:
        shown.add_row(*(Text(cell.replace(' [', '\n[')) for cell in row))
    return shown


def to_markdown(title: str, table: StudyTable) -> str:
    """A page."""
    lines = [f'| {" | ".join(table.header)} |',
             '|---|' + '---:|' * (len(table.header) - 1),
             *(f'| {" | ".join(cell.replace("|", "/") for cell in row)} |'
               for row in table.rows)]
    return '\n'.join([f'# {title}', '', *lines, '',
                      *(f'- {note}' for note in table.notes), ''])


def to_latex(title: str, table: StudyTable) -> str:
    """A table for LaTeX; needs the packages booktabs and amssymb."""
    def line(cells: List[str]) -> str:
        return ' & '.join(map(_escape, cells)) + r' \\'

    caption = ' '.join(_escape(note) for note in [f'{title}.', *table.notes])
    return '\n'.join([
        r'% \usepackage{booktabs, amssymb}', r'\begin{table*}', r'\centering',
        r'\small', rf'\caption{{{caption}}}',
        rf'\begin{{tabular}}{{l{"r" * (len(table.header) - 1)}}}',
        r'\toprule', line(table.header), r'\midrule',
        *map(line, table.rows), r'\bottomrule', r'\end{tabular}',
        r'\end{table*}', ''])


def to_csv(result: StudyResult) -> str:
    """All numbers, unrounded; scores as the reports have them."""
    rows = [_numbers(row, result) for row in result.rows]
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, rows[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _score_cells(row: VariantResult, metric: str) -> List[str]:
    """Score, difference with its interval, and p."""
    if not row.scores:
        return ['failed' if 'failed' in row.missing else '–', '–', '–']
    scale = scale_of(metric)
    means = scale * np.array(row.means(metric))
    score = f'{means.mean():.2f}'
    if means.size > 1:
        score += f' ± {means.std(ddof=1):.2f}'
    difference = row.differences.get(metric)
    if difference is None:
        return [score, '–', '–']
    mean, low, high = (scale * value for value in
                       asdict(difference.interval).values())
    p = ('<0.001' if difference.p_value < 0.001 else
         f'{difference.p_value:.3f}')
    return [score, f'{mean:+.2f} [{low:.2f}, {high:.2f}]', p]


def _notes(result: StudyResult) -> List[str]:
    """What a reader of the table must know."""
    compared = [row for row in result.rows if row.differences]
    return [*(_data_notes(result) if result.facts else []),
            *(_test_notes(result, len(compared)) if compared else []),
            *_cost_notes(result.latency),
            *(f"'{row.variant.name}': {row.missing}." for row in result.rows
              if row.missing)]


def _data_notes(result: StudyResult) -> Iterator[str]:
    study, protocol = result.study, result.facts['protocol']
    note = result.facts['note']
    yield f'Data: {result.facts["task"]}.' + (f' {note}' if note else '')
    percent = [metric for metric in study.metrics if scale_of(metric) == 100]
    several = len(study.seeds) > 1
    yield (f"Tested on the split '{protocol['split']}', {protocol['prompt']}; "
           f'NSD at {protocol["tolerance_mm"]:g} mm; {" and ".join(percent)} '
           f'in percent; trained with seed {_listed(study.seeds)}'
           + (', means ± standard deviations over them' if several else '')
           + '.')


def _test_notes(result: StudyResult, compared: int) -> Iterator[str]:
    keys = result.facts['rows']
    cases = len({key[0] for key in keys})
    averaged = ', averaged over the seeds,' if len(
        result.study.seeds) > 1 else ''
    units = ('cases' if cases >= MIN_CASES else
             'rows, which those of one patient are not')
    yield (f"Δ: mean difference to '{result.rows[0].variant.name}' over "
           f'{len(keys)} rows (case, block of slices, label){averaged} with '
           'its 95 % bootstrap interval; p: Wilcoxon signed-rank test, '
           f'Holm-corrected for {_plural(compared, "comparison")}. Rows of '
           f'{_plural(cases, "case")}; both take as independent the {units}.')


def _cost_notes(latency: Sequence[Dict[str, Any]]) -> Iterator[str]:
    for how in latency:
        yield ('GFLOPs (a multiplication and an addition are two) and latency:'
               f' encoding one image of {how["image_side"]} px and decoding '
               f'{_plural(how["prompts"], "prompt")}, {how["precision"]}, '
               f'{how["device"]}, {_plural(how["threads"], "thread")}.')


def _numbers(row: VariantResult, result: StudyResult) -> Dict[str, Any]:
    numbers: Dict[str, Any] = dict(
        variant=row.variant.name, **row.blocks,
        **{key: row.costs.get(key) for key in ('trained', 'frozen', 'flops',
                                               'seconds')},
        seeds=' '.join(map(str, row.scores)))
    for metric in result.study.metrics:
        means = row.means(metric)
        difference = row.differences.get(metric)
        of_difference = {} if difference is None else {
            **asdict(difference.interval), 'p': difference.p_value}
        numbers.update({
            metric: np.mean(means) if means else None,
            f'{metric}_std': np.std(means, ddof=1) if len(means) > 1 else None,
            **{f'{metric}_difference_{name}': of_difference.get(name)
               for name in ('mean', 'low', 'high', 'p')}})
    return {**numbers, 'missing': row.missing}


def _plural(number: int, noun: str) -> str:
    return f'{number} {noun}' + ('' if number == 1 else 's')


def _listed(numbers: Sequence[int]) -> str:
    return ' and '.join(filter(None, [
        ', '.join(map(str, numbers[:-1])), str(numbers[-1])]))


def _number(value: Optional[float], factor: float, digits: int) -> str:
    return '–' if value is None else f'{factor * value:.{digits}f}'


def _escape(text: str) -> str:
    """For LaTeX; signs of numbers become those of mathematics."""
    text = re.sub(r"'([^']*)'", r"`\1'", text)
    escaped = re.sub('|'.join(map(re.escape, _LATEX)),
                     lambda found: _LATEX[found[0]], text)
    return re.sub(r'(?<!\w)-(?=\d)', '$-$', escaped)
