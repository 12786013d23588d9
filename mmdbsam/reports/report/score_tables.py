"""Makes the tables of a report."""

from typing import Dict, List, Optional, Tuple

from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.reports.pages.table import Cell, Table
from mmdbsam.reports.report.score_formats import ScoreFormat, score_formats


def score_cell(shown: ScoreFormat, value: float,
               interval: Optional[List[float]] = None,
               spread: Optional[float] = None) -> Cell:
    """Make the cell of a value, with its spread over draws and interval."""
    details = []
    if spread is not None:
        details.append(f'± {shown.text(spread)}')
    if interval is not None:
        details.append(f'[{", ".join(map(shown.text, interval))}]')
    return Cell(shown.text(value), ' '.join(details))


def mean_cells(summary: dict, method: str) -> Tuple[Cell, ...]:
    """Make cells of a method's mean scores and its number of volumes."""
    mean = summary['scores'][method]
    spread = summary['spread'].get(method, {})
    return (*(score_cell(shown, mean[name],
                         summary['intervals'][method][name], spread.get(name))
              for name, shown in score_formats(summary['protocol']).items()),
            Cell(str(mean['n'])))


def method_table(summary: dict) -> Table:
    """Make the table of each method's means, with their intervals."""
    formats = score_formats(summary['protocol'])
    return Table(
        ['method', *(shown.heading for shown in formats.values()), 'n'],
        [[Cell(METHODS[method]), *mean_cells(summary, method)]
         for method in summary['scores']],
        mean_caption(summary))


def label_table(summary: dict) -> Table:
    """Make the table of each label's means, and of other methods' DSC."""
    formats = score_formats(summary['protocol'])
    others = [m for m in summary['scores'] if m != 'model']
    dsc = formats['DSC']
    return Table(
        ['label', 'n', 'size (ml)', *(s.heading for s in formats.values()),
         *(f'{METHODS[method]}: {dsc.heading}' for method in others)],
        [[Cell(entry['label']), Cell(str(entry['scores']['model']['n'])),
          Cell(f'{entry["volume_ml"]:#.3g}'.rstrip('.')),
          *_label_cells(entry, formats),
          *(score_cell(dsc, entry['scores'][method]['DSC'])
            for method in others)] for entry in summary['labels']],
        f'{summary["task"]}: the scores of the model for each label. The '
        'size is the median over the volumes of the reference.')


def structure_table(summary: dict) -> Optional[Table]:
    """Make the table of structures that a model without prompts found.

    Returns:
        Table or None: The table, or None for a model with prompts.
    """
    counts = summary.get('structures')
    if not counts:
        return None
    names = ('present', 'missing', 'absent', 'wrongly_found')
    totals = dict(label='all', **{
        name: sum(entry[name] for entry in counts) for name in names})
    return Table(
        ['label', 'present', 'missed', 'absent', 'wrongly found'],
        [[Cell(entry['label']), *(Cell(str(entry[name])) for name in names)]
         for entry in (totals, *counts)],
        f'{summary["task"]}: blocks of slices with and without each label. A '
        'label is missed where nothing is predicted although it is scored, '
        'and wrongly found where something is predicted although no voxel of '
        'the reference has it.')


def mean_caption(summary: dict) -> str:
    """Say what a table of means shows, and how its intervals are made."""
    text = f'{summary["task"]}: {summary["protocol"]["averaging"]}'
    if summary['spread']:
        text += ('. The standard deviation over '
                 f'{summary["protocol"]["draws"]} draws of the prompts '
                 'follows ±')
    how = summary['resampling']
    if summary['intervals']['model']['DSC'] is None:
        return f'{text}. There are too few volumes for intervals.'
    text += (f'. Brackets hold {100 * how["level"]:g} % intervals, by '
             f'{how["method"]} over {how["unit"]}s')
    if how['unit'] == 'volume':
        count = summary['cases']
        text += (f' of {count} case{"s" if count > 1 else ""}, which say '
                 'nothing about other cases')
    return f'{text}.'


def _label_cells(entry: dict, formats: Dict[str, ScoreFormat]) -> List[Cell]:
    return [score_cell(shown, entry['scores']['model'][name],
                       entry['intervals']['model'][name])
            for name, shown in formats.items()]
