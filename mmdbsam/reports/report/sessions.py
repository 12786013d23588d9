"""What a report shows of interactive sessions: the curve, and a strip."""

import cv2
import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmdbsam.evaluation import Evaluation
from mmdbsam.evaluation.sessions import CURVES, curve_key, turn_names
from mmdbsam.reports.pages.svg import STYLE, svg
from mmdbsam.reports.report.overlays import best_median_worst, largest_slice
from mmdbsam.reports.report.score_formats import score_formats
from mmdbsam.visualization import draw_overlay

#: The numbers of clicks after which the strip shows an object.
SHOWN_CLICKS = (0, 1, 3, 5)
_COLOURS = {'DSC': '#0083c9', 'NSD': '#d55e00'}


def click_curves(summary: dict) -> Markup:
    """Plot the mean scores against the number of clicks.

    Args:
        summary: The content of ``summary.json``, whose protocol has turns.
    """
    clicks = summary['protocol']['turns']
    means, intervals = (summary[key]['model']
                        for key in ('scores', 'intervals'))
    formats = score_formats(summary['protocol'])
    with matplotlib.rc_context(STYLE):
        figure = Figure((5.4, 3.2), layout='constrained')
        axes = figure.subplots()
        for name in filter(formats.__contains__, CURVES):
            keys = [curve_key(name, count) for count in clicks]
            axes.plot(clicks, [100 * means[key] for key in keys], 'o-',
                      color=_COLOURS[name], markersize=4,
                      label=formats[name].heading)
            if all(intervals[key] for key in keys):
                low, high = 100 * np.transpose([intervals[key]
                                                for key in keys])
                axes.fill_between(clicks, low, high, color=_COLOURS[name],
                                  alpha=0.2, linewidth=0)
        axes.set_xlabel('clicks' + ' after a box' * (clicks[0] == 0))
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_ylim(-2, 102)
        figure.legend(loc='outside upper left', ncols=2)
        return svg(figure)


def draw_strip(evaluation: Evaluation) -> np.ndarray:
    """Draw the median volume's largest slice after some of its clicks.

    Args:
        evaluation: The outcome of a test with sessions.

    Returns:
        np.ndarray: The pictures beside each other, uint8 (h, w, 3), RGB.
    """
    data, clicks = evaluation.data, evaluation.protocol['turns']
    row = best_median_worst(evaluation.rows)['median']
    index = largest_slice(data, row)
    case = data.case(row.case)
    reference, = case.mask(row.label_id, index, index + 1)
    turns = evaluation.sessions.get((row.case, row.label_id), {})
    shown = [i for i, count in enumerate(clicks)
             if count in SHOWN_CLICKS or count == clicks[-1]]
    found = {turn: turns.get(turn, {}).get(index) for turn in shown}
    masks = {turn: np.zeros_like(reference) for turn in shown}
    for turn, prompted in found.items():
        if prompted is not None:
            prompted.mask.paste(masks[turn], (0, 0))
    tiles = [draw_overlay(
        case.image()[index], reference, masks[turn],
        None if found[turn] is None else found[turn].box,
        f'{turn_names(clicks)[turn]}\n{row.label} of {row.case}, slice '
        f'{index}, DSC of the volume '
        f'{100 * row.scores[curve_key("DSC", clicks[turn])]:.1f} %',
        points=None if found[turn] is None else found[turn].points,
        around=np.any(list(masks.values()), axis=0)) for turn in shown]
    return cv2.resize(np.concatenate(tiles, axis=1), None, fx=0.5, fy=0.5,
                      interpolation=cv2.INTER_AREA)
