"""Finds and draws the volumes whose scores changed most between reports."""

from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Sequence

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.predictions import Predictions, PromptedMask
from mmdbsam.io.prepared import PreparedData
from mmdbsam.reports.comparison.pairing import model_names, rows_by_key
from mmdbsam.reports.report import Report
from mmdbsam.reports.report.overlays import draw_row, largest_slice
from mmdbsam.reports.report.predictions import (
    find_prediction,
    load_predictions,
)

_SHOWN = 3


@dataclass(frozen=True)
class Change:
    """The change of a volume's DSC between reports.

    Attributes:
        rows: The volume's row in each report.
        other: The index of the report that differs most from the first.
        change: The change of the DSC in that report, as a fraction.
    """

    rows: List[CaseScore]
    other: int
    change: float


def most_changed(reports: Sequence[Report]) -> List[Change]:
    """Find the largest losses and gains of DSC in the first draw.

    Returns:
        list[Change]: Up to three losses, then up to three gains, the largest
        first. Volumes that did not change are left out.
    """
    tables = [rows_by_key(report) for report in reports]
    found = []
    for key, row in tables[0].items():
        if row.draw:
            continue
        rows = [table[key] for table in tables]
        changes = [row.scores['DSC'] - rows[0].scores['DSC'] for row in rows]
        other = int(np.abs(changes).argmax())
        found.append(Change(rows, other, changes[other]))
    found.sort(key=lambda change: change.change)
    losses = [change for change in found if change.change < 0]
    gains = [change for change in found[::-1] if change.change > 0]
    return losses[:_SHOWN] + gains[:_SHOWN]


def find_data(reports: Sequence[Report], data_root: Optional[str]
              ) -> Optional[PreparedData]:
    """Find the data of the reports, from which pictures are drawn.

    Args:
        reports: The reports, of which the first names its data's folder.
        data_root: The folder of the data now; None for the folder that the
            first report names.

    Returns:
        PreparedData or None: The data, or None if the folder that the report
        names no longer holds them.

    Raises:
        InputError: If ``data_root`` holds no data, or a data set other than
            that of the reports.
    """
    summary = reports[0].summary
    root = data_root or summary['provenance']['data_root']
    if not data_root and not Path(root, 'dataset.json').is_file():
        return None
    data = PreparedData(root)
    if data.name != summary['task']:
        raise InputError(f"{root}: expected the data set '{summary['task']}' "
                         f"of the reports, found '{data.name}'")
    return data


def draw_changes(changes: Sequence[Change], reports: Sequence[Report],
                 data: PreparedData) -> List[List[np.ndarray]]:
    """Draw a picture of each change for each report.

    The pictures show the slice in which the report that changed most differs
    from the first in the most pixels.

    Returns:
        list[list[np.ndarray]]: The pictures, uint8 (h, w, 3), RGB, all of the
        same size.
    """
    predictions = [load_predictions(report.folder / 'predictions.npz')
                   for report in reports]
    names = model_names(reports)
    pictures = []
    for change in changes:
        index = _changed_slice(data, change, predictions)
        pictures.append([
            draw_row(data, row, own, index, title=f'{name}: ')
            for row, own, name in zip(change.rows, predictions, names,
                                      strict=True)])
    return pictures


def _changed_slice(data: PreparedData, change: Change,
                   predictions: Sequence[Predictions]) -> int:
    row = change.rows[0]
    shape = data.case(row.case).shape[1:]
    first, second = predictions[0], predictions[change.other]
    pixels = {
        index: np.count_nonzero(
            _mask(find_prediction(first, row, index), shape)
            ^ _mask(find_prediction(second, row, index), shape))
        for index in range(row.start, row.stop)}
    index = max(pixels, key=pixels.get)
    return index if pixels[index] else largest_slice(data, row)


def _mask(found: Optional[PromptedMask], shape: Sequence[int]) -> np.ndarray:
    mask = np.zeros(shape, bool)
    if found is not None:
        found.mask.paste(mask, (0, 0))
    return mask
