"""The rows of a report, their means, and the table of the terminal."""

from dataclasses import dataclass
from typing import Dict, Sequence

import numpy as np

from mmdbsam.evaluation.label_volume import METHODS

Scores = Dict[str, Dict[str, float]]


@dataclass(frozen=True)
class CaseScore:
    """The scores of one method for one label in one block of slices.

    Attributes:
        case: Name of the scan.
        start: First slice of the block.
        stop: One past its last slice.
        label_id: The label.
        label: Its name.
        method: One of ``METHODS``: 'box', 'ellipse' or 'model'.
        voxels: Voxels of the reference.
        volume_ml: The same in millilitres.
        scores: Metric to value, as ``{'DSC': 0.9, 'NSD': 0.8}``.
    """

    case: str
    start: int
    stop: int
    label_id: int
    label: str
    method: str
    voxels: int
    volume_ml: float
    scores: Dict[str, float]


def mean_scores(rows: Sequence[CaseScore]) -> Scores:
    """Unweighted means over the rows of each method.

    Returns:
        dict[str, dict]: Method to ``{'DSC': ..., 'NSD': ..., 'n': ...}``,
        fractions and the number of rows, for the methods that have rows.
    """
    means = {}
    for method in METHODS:
        chosen = [row for row in rows if row.method == method]
        if chosen:
            means[method] = {
                key: float(np.mean([row.scores[key] for row in chosen]))
                for key in chosen[0].scores
            }
            means[method]['n'] = len(chosen)
    return means


def format_table(scores: Scores) -> str:
    """The scores as a text table, in percent as papers print them.

    Args:
        scores: What :func:`mean_scores` returns.

    Returns:
        str: A line for the header and one for each method.
    """
    lines = [f'{"":<18} {"DSC":>7} {"NSD":>7} {"n":>5}']
    for method, mean in scores.items():
        lines.append(f'{METHODS[method]:<18} {100 * mean["DSC"]:>7.2f} '
                     f'{100 * mean["NSD"]:>7.2f} {mean["n"]:>5}')
    return '\n'.join(lines)
