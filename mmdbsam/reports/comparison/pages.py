"""Writes ``comparison.md``, ``.tex``, ``.html`` and ``.png``."""

from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np
from PIL import Image

from mmdbsam.io.atomic import staged_file, write_text
from mmdbsam.io.prepared import PreparedData
from mmdbsam.reports.comparison.differences import compare
from mmdbsam.reports.comparison.most_changed import draw_changes, most_changed
from mmdbsam.reports.comparison.pairing import model_names
from mmdbsam.reports.comparison.plots import score_against_score
from mmdbsam.reports.comparison.verdicts import (
    difference_table,
    differing_facts,
    label_table,
    score_table,
    verdict,
)
from mmdbsam.reports.pages.html import picture_uri, render_page
from mmdbsam.reports.pages.table import Table, escape_markdown, latex_document
from mmdbsam.reports.report import Report
from mmdbsam.reports.report.markdown import (
    facts,
    prompt_text,
    protocol_text,
)

_NO_DATA = ('There are no pictures, as the data of the reports were not '
            'found; give --data-root.')


def write_comparison(folder: Path, reports: Sequence[Report],
                     data: Optional[PreparedData]) -> List[Path]:
    """Compare reports and write the results, each file atomically.

    Args:
        folder: The folder to write to. It is made if it is missing, and other
            files in it stay.
        reports: Two or more reports that passed :func:`.require_same`.
        data: The data of the reports, or None for no pictures.

    Returns:
        list[Path]: ``comparison.md``, ``comparison.tex`` and
        ``comparison.html``; and, if any volume changed and there are data,
        ``comparison.png`` with a row for each volume and a column for each
        report.
    """
    names, summary = model_names(reports), reports[0].summary
    overall, by_label = compare(reports), compare(reports, by_label=True)
    verdicts = [verdict(difference, names) for difference in overall]
    tables = [score_table(reports), difference_table(overall, reports)]
    labels = [label_table(shown, by_label, reports)
              for shown in dict.fromkeys(d.shown for d in by_label)]
    changes = most_changed(reports)
    pictures = [] if data is None else draw_changes(changes, reports, data)
    made_with = Table(['', *names], differing_facts(
        [facts(report.summary) for report in reports]),
        'The settings in which the reports differ.')
    missing = _NO_DATA if data is None else ''
    protocol = _protocol_text(reports, names)
    texts = {
        'md': _markdown(summary, verdicts, [*tables, *labels], made_with,
                        names, protocol, bool(pictures), missing),
        'tex': latex_document([*tables, *labels], f'{summary["task"]}. '
                              f'{summary["note"]}'),
        'html': render_page(
            'comparison.html', summary=summary, names=names,
            verdicts=verdicts, tables=tables, labels=labels,
            protocol=protocol,
            plot=score_against_score(reports), made_with=made_with,
            missing=missing, changes=[
                (f'{change.rows[0].label}: {100 * change.change:+.1f} points '
                 'of DSC', [picture_uri(picture) for picture in row])
                for change, row in zip(changes, pictures, strict=False)]),
    }
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f'comparison.{kind}' for kind in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    sheet = folder / 'comparison.png'
    if pictures:
        _write_sheet(sheet, pictures)
        paths.append(sheet)
    else:
        sheet.unlink(missing_ok=True)
    return paths


def _markdown(summary: dict, verdicts: Sequence[str],
              tables: Sequence[Table], made_with: Table,
              names: Sequence[str], protocol: str, pictured: bool,
              missing: str) -> str:
    scores, differences, *labels = tables
    lines = [f'# {escape_markdown(summary["task"])}', '']
    if summary['note']:
        lines += [f'> {escape_markdown(summary["note"])}', '>']
    lines += [f'> - {escape_markdown(line)}' for line in verdicts]
    for table in (scores, differences):
        lines += ['', table.markdown(), '', escape_markdown(table.caption)]
    lines += ['', protocol, '',
              '## Volumes that changed most', '']
    if pictured:
        columns = escape_markdown(', '.join(names))
        lines += ['The rows show the largest losses of DSC, then the largest '
                  f'gains. The columns are {columns}.', '',
                  '![The same volumes for each model](comparison.png)']
    else:
        lines += [missing or 'No volume changed.']
    lines += ['', '## Labels']
    for table in labels:
        lines += ['', table.markdown(), '', escape_markdown(table.caption)]
    lines += ['', '## Provenance', '', made_with.markdown(), '',
              made_with.caption, '']
    return '\n'.join(lines)


def _protocol_text(reports: Sequence[Report], names: Sequence[str]) -> str:
    """Describe the first report's protocol, and others that have no prompt."""
    first, *others = [report.summary['protocol'] for report in reports]
    return ' '.join([protocol_text(first), *(
        f'{name}: {prompt_text(other)}.'
        for name, other in zip(names[1:], others, strict=True)
        if other['prompt'] != first['prompt'])])


def _write_sheet(path: Path, pictures: Sequence[Sequence[np.ndarray]]
                 ) -> None:
    """Write all pictures at half their size, a row for each volume."""
    sheet = np.vstack([np.hstack([picture[::2, ::2] for picture in row])
                       for row in pictures])
    with staged_file(path) as partial:
        Image.fromarray(np.ascontiguousarray(sheet)).save(partial, 'PNG')
