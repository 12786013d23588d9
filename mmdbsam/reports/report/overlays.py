"""Chooses the rows that a report shows, and draws them."""

from typing import Dict, Sequence

import numpy as np

from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.predictions import Predictions
from mmdbsam.io.prepared import PreparedData
from mmdbsam.reports.report.predictions import find_prediction
from mmdbsam.visualization import draw_overlay


def best_median_worst(rows: Sequence[CaseScore]) -> Dict[str, CaseScore]:
    """Choose the best, median and worst of the model's rows.

    The rows are ordered by their DSC; only the first draw is considered.
    """
    rows = [row for row in rows
            if (row.method, row.draw) == ('model', 0)]
    rows.sort(key=lambda row: row.scores['DSC'])
    return dict(best=rows[-1], median=rows[len(rows) // 2], worst=rows[0])


def draw_best_median_worst(data: PreparedData, rows: Sequence[CaseScore],
                           predictions: Predictions) -> Dict[str, np.ndarray]:
    """Draw the rows that :func:`best_median_worst` chooses.

    Args:
        data: The data set that was evaluated.
        rows: The rows of all methods.
        predictions: All predictions of the evaluation.

    Returns:
        dict[str, np.ndarray]: The pictures by their names, see
        :func:`draw_row`.
    """
    return {name: draw_row(data, row, predictions, largest_slice(data, row))
            for name, row in best_median_worst(rows).items()}


def largest_slice(data: PreparedData, row: CaseScore) -> int:
    """Find the slice of a row's block that shows most of its label."""
    column = list(data.labels).index(row.label_id)
    areas = data.case(row.case).areas()[row.start:row.stop, column]
    return row.start + int(areas.argmax())


def draw_row(data: PreparedData, row: CaseScore, predictions: Predictions,
             index: int, title: str = '') -> np.ndarray:
    """Draw a slice with the row's label, its prediction and its box.

    Args:
        data: The data set that was evaluated.
        row: The row.
        predictions: All predictions of the evaluation.
        index: The index of the slice.
        title: The beginning of the picture's second line.

    Returns:
        np.ndarray: The picture, uint8 (h, w, 3), RGB.
    """
    case = data.case(row.case)
    found = find_prediction(predictions, row, index)
    reference, = case.mask(row.label_id, index, index + 1)
    prediction = np.zeros_like(reference)
    if found is not None:
        found.mask.paste(prediction, (0, 0))
    return draw_overlay(
        case.image()[index], reference, prediction,
        None if found is None else found.box,
        title=f'{row.label}\n{title}{row.case}, slice {index}, DSC of the '
        f'volume {100 * row.scores["DSC"]:.1f} %')
