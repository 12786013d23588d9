"""Writes the folder of a report, whole or not at all, and reads it."""

import csv
import dataclasses
import io
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
from matplotlib.image import imsave

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.predictions import Predictions
from mmdbsam.io.atomic import staged_folder
from mmdbsam.io.input_files import read_json, read_text
from mmdbsam.reports.pages.table import latex_document
from mmdbsam.reports.report.html import html_report
from mmdbsam.reports.report.markdown import markdown_report
from mmdbsam.reports.report.predictions import save_predictions
from mmdbsam.reports.report.read_summary import check_summary
from mmdbsam.reports.report.score_tables import label_table, method_table

#: The files and folders of a report.
CONTENTS = ('cases.csv', 'summary.json', 'report.md', 'table.tex',
            'index.html', 'predictions.npz', 'overlays')
# Far more than any volume has.
_MOST_SLICES = 1 << 20


@dataclass(frozen=True)
class Report:
    """A report that was read from its folder.

    Attributes:
        folder: The report's folder.
        summary: The report's summary, see :func:`.summarize`.
        rows: The rows of all methods.
    """

    folder: Path
    summary: dict
    rows: List[CaseScore]


def require_free_report_dir(report_dir: str | Path) -> Path:
    """Make sure that writing a report there destroys nothing else.

    Args:
        report_dir: A folder that is missing, empty, or an earlier report.

    Returns:
        Path: The folder, absolute.

    Raises:
        InputError: If it is a file, or holds files that a report does not
            have.
    """
    folder = Path(report_dir).resolve()
    if folder.exists() and not folder.is_dir():
        raise InputError(f'report {folder}: expected a folder, found a file')
    others = sorted(path.name for path in folder.glob('*')
                    if path.name not in CONTENTS)
    if others:
        raise InputError(
            f'report {folder}: expected a new folder or an earlier report to '
            f'replace, found a folder with {others[0]}')
    return folder


def write_report(report_dir: str | Path, rows: Sequence[CaseScore],
                 summary: dict, predictions: Predictions,
                 overlays: Dict[str, np.ndarray]) -> Path:
    """Write a report, all of it or nothing, in place of an earlier one.

    Args:
        report_dir: The folder, see :func:`require_free_report_dir`.
        rows: The rows of ``cases.csv``.
        summary: The summary that :func:`.summarize` returns.
        predictions: The prompts and the masks that the model made from them.
        overlays: The pictures by their names, uint8 (h, w, 3), RGB.

    Returns:
        Path: The folder, absolute, with the files that :data:`CONTENTS` names.

    Raises:
        InputError: If the folder holds other files.
    """
    folder = require_free_report_dir(report_dir)
    note = f'{summary["task"]}. {summary["note"]}'
    texts = {
        'cases.csv': _csv(rows),
        'summary.json': json.dumps(summary, indent=2),
        'report.md': markdown_report(summary, list(overlays)),
        'table.tex': latex_document(
            [method_table(summary), label_table(summary)], note),
        'index.html': html_report(rows, summary, overlays),
    }
    with staged_folder(folder) as staging:
        for name, text in texts.items():
            (staging / name).write_text(text, encoding='utf-8')
        save_predictions(staging / 'predictions.npz', predictions)
        (staging / 'overlays').mkdir()
        for name, picture in overlays.items():
            imsave(staging / 'overlays' / f'{name}.png', picture)
    return folder


def read_report(folder: Path) -> Report:
    """Read the numbers of a report.

    Raises:
        InputError: If a file is missing, or is not that of a report.
    """
    path = folder / 'summary.json'
    summary = read_json(path)
    if isinstance(summary, dict) and 'tasks' in summary:
        raise InputError(f'{path}: expected the report of one task, found '
                         'that of a benchmark; those of its tasks are in the '
                         f'folders of {folder}')
    check_summary(summary, f"{path}: expected a report's")
    path = folder / 'cases.csv'
    try:
        rows = [_row(columns) for columns in csv.DictReader(
            io.StringIO(read_text(path), newline=''))]
    except InputError:
        raise
    except (ValueError, KeyError, TypeError, csv.Error) as error:
        raise InputError(f"{path}: expected a report's, found "
                         f'{type(error).__name__}: {error}') from error
    _check_rows(rows, summary, path)
    return Report(folder, summary, rows)


def _check_rows(rows: Sequence[CaseScore], summary: dict, path: Path
                ) -> None:
    """Make sure that rows have the methods and scores of their summary."""
    needed = summary['protocol']['scores'].keys()
    for number, row in enumerate(rows, start=2):
        if row.method not in summary['scores'] or not (
                needed <= row.scores.keys()
                and 0 <= row.start < row.stop <= _MOST_SLICES
                and row.voxels >= 0 and math.isfinite(row.volume_ml)):
            raise InputError(
                f"{path}: line {number}: expected a report's, with methods "
                f'and scores of its summary.json, found {row}'[:500])
    if not any(row.method == 'model' for row in rows):
        raise InputError(f"{path}: expected a report's, with rows of the "
                         'model, found none')


def _csv(rows: Sequence[CaseScore]) -> str:
    """Write rows as CSV, in which each score is a column of its own."""
    columns = [dataclasses.asdict(row) for row in rows]
    for row in columns:
        row.update(row.pop('scores'))
    text = io.StringIO(newline='')
    writer = csv.DictWriter(text, columns[0], lineterminator='\n')
    writer.writeheader()
    writer.writerows(columns)
    return text.getvalue()


def _row(columns: Dict[str, str]) -> CaseScore:
    known = {}
    for field in dataclasses.fields(CaseScore):
        if field.name != 'scores':
            known[field.name] = field.type(columns.pop(field.name))
    return CaseScore(**known, scores={
        key: float(value) for key, value in columns.items()})
