"""The rows of a report, their means, and the table of the terminal."""

from dataclasses import dataclass
from typing import Dict, Sequence, Tuple

import numpy as np

from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.registry import SCORES

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
        scores: Name of the score to its value, as ``{'DSC': 0.9, 'HD95':
            4.1}``: fractions, and distances in the protocol's unit.
        draw: Which of the random draws of the prompts it is, from 0.
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
        """What was scored: the case, its block and the label."""
        return self.case, self.start, self.stop, self.label_id


def mean_scores(rows: Sequence[CaseScore]) -> Scores:
    """Unweighted means over the rows of each method.

    Returns:
        dict[str, dict]: Method to ``{'DSC': ..., 'NSD': ..., 'n': ...}``,
        the means, over all draws, and the number of rows of one draw, for
        the methods that have rows.
    """
    means = {}
    for method in METHODS:
        chosen = [row for row in rows if row.method == method]
        if chosen:
            means[method] = _means(chosen)
            means[method]['n'] = sum(row.draw == 0 for row in chosen)
    return means


def draw_spread(rows: Sequence[CaseScore]) -> Scores:
    """How far a method's means vary from draw to draw of the prompts.

    Returns:
        dict[str, dict]: Method to name of the score to the standard
        deviation (of a sample, ddof 1) over the draws of its mean; empty if
        there is but one draw.
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


def format_table(scores: Scores) -> str:
    """The scores as a text table, in percent as papers print them.

    Args:
        scores: What :func:`mean_scores` returns.

    Returns:
        str: A line for the header and one for each method. Distances stay in
        their unit.
    """
    names = [name for name in next(iter(scores.values())) if name != 'n']
    lines = [' '.join([f'{"":<18}', *(f'{name:>7}' for name in names),
                       f'{"n":>5}'])]
    for method, mean in scores.items():
        cells = [f'{format_score(name, mean[name]):>7}' for name in names]
        lines.append(' '.join([f'{METHODS[method]:<18}', *cells,
                               f'{mean["n"]:>5}']))
    return '\n'.join(lines)


def format_score(name: str, value: float) -> str:
    """A value of a registered score as it is printed, without its unit."""
    return f'{value if SCORES.get(name).is_distance else 100 * value:.2f}'
