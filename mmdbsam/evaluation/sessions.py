"""The scores of interactive sessions, from the scores after each click.

A session prompts one structure. It begins with a click or a box, and each
further click corrects the last prediction. The area under the curve and the
final score are those of the CVPR 2025 challenge on interactive 3-D biomedical
segmentation; the number of clicks is that of the interactive segmentation of
natural images (Sofiiuk et al., arXiv:2102.06583).
"""

from typing import Dict, List, Sequence

import numpy as np

#: The scores that have a curve over the clicks.
CURVES = ('DSC', 'NSD')
_TITLES = {'DSC': 'Dice similarity coefficient',
           'NSD': 'normalised surface Dice'}
_LEVELS = (85, 90)


def session_scores(turns: Sequence[Dict[str, float]],
                   clicks: Sequence[int]) -> Dict[str, float]:
    """Score a session.

    Args:
        turns: The scores of each prediction, which has DSC among them.
        clicks: The number of clicks before each prediction, in ascending
            order. It begins with 0 if there is a box, and with 1 if not.

    Returns:
        dict[str, float]: For DSC and NSD, as far as they are there,
        ``DSC_AUC``, the area under the curve over the predictions after a
        click, by the trapezoidal rule with clicks as the unit, which is at
        most the number of clicks less 1; and ``DSC_final``, after the last
        click. Then ``NoC@85`` and ``NoC@90``, the number of clicks after which
        the DSC first reaches 85 and 90 %, or the number of all clicks if it
        never does. Last, the curve itself as ``DSC_after_1`` and so on.
    """
    found: Dict[str, float] = {}
    names = [name for name in CURVES if name in turns[0]]
    for name in names:
        clicked = [turn[name] for turn, count in zip(
            turns, clicks, strict=True) if count]
        found[f'{name}_AUC'] = float(np.trapezoid(clicked))
        found[f'{name}_final'] = turns[-1][name]
    for level in _LEVELS:
        found[f'NoC@{level}'] = float(next(
            (count for turn, count in zip(turns, clicks, strict=True)
             if turn['DSC'] >= level / 100), clicks[-1]))
    for name in names:
        found |= {curve_key(name, count): turn[name] for turn, count
                  in zip(turns, clicks, strict=True)}
    return found


def curve_key(name: str, clicks: int) -> str:
    """The key of a score after some clicks."""
    return f'{name}_after_{clicks}'


def session_formats(names: Sequence[str], clicks: Sequence[int], of: str
                    ) -> Dict[str, dict]:
    """Describe the scores of sessions as a report's protocol does.

    Args:
        names: The scores of a prediction.
        clicks: See :func:`session_scores`.
        of: The kind of image that has one value.
    """
    most = clicks[-1] - 1
    found: Dict[str, dict] = {}
    for name in filter(names.__contains__, CURVES):
        found[f'{name}_AUC'] = dict(
            title=f'area under the {_TITLES[name]} over {clicks[-1]} clicks',
            ideal=float(most), unit=f'of {most}', of=of)
        found[f'{name}_final'] = dict(
            title=f'{_TITLES[name]} after the last click', ideal=1.,
            unit='%', of=of)
    for level in _LEVELS:
        found[f'NoC@{level}'] = dict(
            title=f'number of clicks to a DSC of {level} %, '
            f'{clicks[-1]} if it is not reached', ideal=0., unit='clicks',
            of=of)
    return found


def turn_names(clicks: Sequence[int]) -> List[str]:
    """Name predictions by their clicks, as 'box' or '1 click'."""
    return ['box' if not count else f'{count} click{"s" * (count > 1)}'
            for count in clicks]
