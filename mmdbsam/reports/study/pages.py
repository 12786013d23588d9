"""Writes and prints the table of a study."""

from pathlib import Path

from rich.console import Console

from mmdbsam.io.atomic import write_text
from mmdbsam.reports.pages.html import render_page
from mmdbsam.reports.pages.table import Table, escape_markdown, latex_document
from mmdbsam.reports.study.plots import (
    scores_and_differences,
    scores_over_costs,
)
from mmdbsam.reports.study.results import StudyResult
from mmdbsam.reports.study.table import (
    build_table,
    for_terminal,
    table_notes,
    to_csv,
)


def write_tables(result: StudyResult, folder: Path,
                 console: Console) -> None:
    """Print the table, and write ``study.md``, ``.tex``, ``.csv``, ``.html``.

    Args:
        result: The results that the table shows.
        folder: The folder to write to.
        console: The console to print to.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = build_table(result)
    texts = dict(md=_markdown(result, table),
                 tex=latex_document([table], result.study.path),
                 csv=to_csv(result), html=_html(result, table))
    for ending, text in texts.items():
        write_text(folder / f'study.{ending}', text)
    console.print('', for_terminal(table), '', *table_notes(result), '',
                  *(folder / f'study.{ending}' for ending in texts),
                  sep='\n', markup=False, highlight=False, soft_wrap=True)


def _markdown(result: StudyResult, table: Table) -> str:
    notes = [f'- {escape_markdown(note)}' for note in table_notes(result)]
    return '\n'.join([f'# {escape_markdown(result.study.title)}', '',
                      table.markdown(), '', *notes, ''])


def _html(result: StudyResult, table: Table) -> str:
    """Make a page of the table, its plots and the variants."""
    tested = [row for row in result.rows if row.reports]
    measured = [row for row in tested if row.costs]
    formats = result.formats
    return render_page(
        'study.html', study=result.study, table=table,
        plots={shown.name: scores_and_differences(tested, shown)
               for shown in formats},
        costs=scores_over_costs(measured, formats[0]) if measured else None)
