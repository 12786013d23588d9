"""Write a study's table."""

import base64
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined
from rich.console import Console

from mmdbsam.datasets.preparation.staging import write_text
from mmdbsam.studies.plots import draw_plots
from mmdbsam.studies.results import StudyResult
from mmdbsam.studies.table import (
    StudyTable,
    build_table,
    to_csv,
    to_latex,
    to_markdown,
    to_rich,
)


def write_tables(result: StudyResult, folder: Path,
                 console: Console) -> None:
    """Print the table; write ``study.md``, ``.tex``, ``.csv``, ``.html``.

    Args:
        result: What the table shows.
        folder: Where to write.
        console: Where to print.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = build_table(result)
    title = result.study.title
    texts = dict(md=to_markdown(title, table), tex=to_latex(title, table),
                 csv=to_csv(result), html=to_html(result, table))
    for ending, text in texts.items():
        write_text(folder / f'study.{ending}', text)
    console.print('', to_rich(table), '', *table.notes, '',
                  *(folder / f'study.{ending}' for ending in texts),
                  sep='\n', markup=False, highlight=False, soft_wrap=True)


def to_html(result: StudyResult, table: StudyTable) -> str:
    """A page that needs no other file: the table, its plots, the variants."""
    plots = [(caption, base64.b64encode(svg).decode())
             for caption, svg in draw_plots(result)]
    environment = Environment(loader=PackageLoader('mmdbsam.studies', '.'),
                              autoescape=True, undefined=StrictUndefined)
    return environment.get_template('page.html').render(
        title=result.study.title, table=table, plots=plots,
        study=result.study)
