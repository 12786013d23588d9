"""Writes the page and the sheet of a data set's samples."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_folder
from mmdbsam.io.prepared import PreparedData
from mmdbsam.reports.browse.label_statistics import (
    LabelRow,
    cells,
    write_statistics,
)
from mmdbsam.reports.browse.samples import Sample
from mmdbsam.reports.pages.html import picture_uri, render_page
from mmdbsam.reports.pages.table import Cell, Table
from mmdbsam.structures.colours import label_colour
from mmdbsam.visualization import Tile, draw_contact_sheet

SHEET, PAGE, TABLE = 'samples.png', 'index.html', 'label_statistics.csv'
_HEADER = ['label', 'split', 'cases', 'slices', 'voxels', 'mL',
           'box width (px): min, median, max',
           'box height (px): min, median, max']


def require_own_folder(folder: Path) -> None:
    """Make sure that replacing a folder destroys nothing else.

    Raises:
        InputError: If it is a file, or holds files that browsing does not
            write.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f'--out {folder}: expected a folder, found a file')
    others = sorted(path.name for path in folder.glob('*')
                    if path.name not in (SHEET, PAGE, TABLE))
    if others:
        raise InputError(f'--out {folder}: expected a new folder or an '
                         'earlier output to replace, found a folder with '
                         f'{others[0]}')


def write_browse_page(folder: Path, title: str, details: str,
                      samples: Sequence[Sample],
                      tasks: Sequence[PreparedData],
                      rows: Sequence[LabelRow]) -> list[Path]:
    """Write samples and statistics, all of them or nothing.

    Args:
        folder: The folder to write, see :func:`require_own_folder`.
        title: The heading's first line.
        details: The heading's second line.
        samples: The samples, at least one.
        tasks: The data sets.
        rows: The statistics of the data sets' labels.

    Returns:
        list[Path]: The sheet, the page and the table.
    """
    sheet = draw_contact_sheet(
        [Tile(sample.picture, sample.title, list(sample.labels.items()))
         for sample in samples], title, details)
    with staged_folder(folder) as staging:
        (staging / SHEET).write_bytes(
            cv2.imencode('.png', sheet[..., ::-1])[1].tobytes())
        (staging / PAGE).write_text(render_page(
            'browse.html', title=title, details=details,
            samples=[_shown(sample) for sample in samples],
            tables=[_table(data, rows) for data in tasks]), encoding='utf-8')
        write_statistics(staging / TABLE, rows)
    return [folder / name for name in (SHEET, PAGE, TABLE)]


def _shown(sample: Sample) -> dict:
    """Turn a sample into what the template takes."""
    return dict(title=sample.title, side=len(sample.picture),
                uri=picture_uri(np.ascontiguousarray(sample.picture), 'png'),
                labels=[(label_colour(label_id), name)
                        for label_id, name in sample.labels.items()])


def _table(data: PreparedData, rows: Sequence[LabelRow]
           ) -> tuple[str, str, Table]:
    """Return the name, the note and the statistics of a data set."""
    lines = [[Cell(row.label), Cell(row.split), *map(Cell, cells(row))]
             for row in rows if row.task == data.name]
    return data.name, data.note, Table(_HEADER, lines, (
        'The table counts all slices of each split, before the pipeline. Box '
        'sizes are those of the tight box around a label in a slice, in the '
        "slice's own pixels."))
