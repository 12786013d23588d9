"""The rows of an evaluation, their means, and their table as text."""

from dataclasses import dataclass
from typing import Dict, Sequence, Tuple

import numpy as np

from mmdbsam.evaluation.label_volume import METHODS

Scores = Dict[str, Dict[str, float]]


@dataclass(frozen=True)
class CaseScore:
    """The scores of one method for one label in one block of slices.

    Attributes:
        case: The name of the scan.
        start: The first slice of the block.
        stop: The slice after the last one of the block.
        label_id: The label's id.
        label: The label's name.
        method: The method, one of ``METHODS``: 'box', 'ellipse' or 'model'.
        voxels: The number of voxels of the reference.
        volume_ml: The volume of the reference in millilitres.
        scores: The value of each score by its name, as in ``{'DSC': 0.9,
            'HD95': 4.1}``: fractions, and distances in the protocol's unit.
        draw: The index of the random draw of the prompts, from 0.
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
    draw: int = 0

    @property
    def volume(self) -> Tuple[str, int, int, int]:
        """The case, the block and the label of the volume that was scored."""
        return self.case, self.start, self.stop, self.label_id


def mean_scores(rows: Sequence[CaseScore]) -> Scores:
    """Average the scores of each method over its rows, without weights.

    Returns:
        dict[str, dict]: The means of each method that has rows, as in
        ``{'DSC': ..., 'NSD': ..., 'n': ...}``. The means are over the rows of
        all draws; ``n`` is the number of rows of one draw.
    """
    means = {}
    for method in METHODS:
        chosen = [row for row in rows if row.method == method]
        if chosen:
            means[method] = _means(chosen)
            means[method]['n'] = sum(row.draw == 0 for row in chosen)
    return means


def draw_spread(rows: Sequence[CaseScore]) -> Scores:
    """Measure how far each method's means vary between draws of the prompts.

    Returns:
        dict[str, dict]: The standard deviation over the draws (of a sample,
        ddof 1) of each method's mean of each score; empty if there is only
        one draw.
    """
    draws = sorted({row.draw for row in rows})
    if len(draws) < 2:
        return {}
    spread = {}
    for method in {row.method: None for row in rows}:
        means = [_means([row for row in rows
                         if (row.method, row.draw) == (method, draw)])
                 for draw in draws]
        spread[method] = {key: float(np.std([mean[key] for mean in means],
                                            ddof=1)) for key in means[0]}
    return spread


def _means(rows: Sequence[CaseScore]) -> Dict[str, float]:
    return {key: float(np.mean([row.scores[key] for row in rows]))
            for key in rows[0].scores}


def format_table(scores: Scores, units: Dict[str, str]) -> str:
    """Format scores as a text table, in percent as papers print them.

    Args:
        scores: The means that :func:`mean_scores` returns.
        units: The units of the scores that are shown, by their names.

    Returns:
        str: A line for the header and one for each method. Scores whose unit
        is not % are printed as they are.
    """
    widths = {name: max(7, len(name)) for name in units}
    lines = [' '.join([f'{"":<18}', *(f'{name:>{width}}' for name, width
                                      in widths.items()), f'{"n":>5}'])]
    for method, mean in scores.items():
        factors = {name: 100 if units[name] == '%' else 1 for name in units}
        cells = [f'{factors[name] * mean[name]:>{width}.2f}'
                 for name, width in widths.items()]
        lines.append(' '.join([f'{METHODS[method]:<18}', *cells,
                               f'{mean["n"]:>5}']))
    return '\n'.join(lines)
