"""Draws the plots of a study's page."""

from typing import List, Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdbsam.reports.pages.svg import STYLE, svg
from mmdbsam.reports.report.score_formats import ScoreFormat
from mmdbsam.reports.study.results import VariantResult

_COLOURS = dict(score='#0083c9', difference='#d55e00')
_COSTS = {'trained': ('parameters trained (M)', 1e-6),
          'flops': ('GFLOPs', 1e-9), 'seconds': ('latency (ms)', 1e3)}


def scores_and_differences(rows: Sequence[VariantResult],
                           shown: ScoreFormat) -> Markup:
    """Plot each variant's seeds, their mean, and its difference.

    The difference is from the first variant.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure((10.4, 0.9 + 0.4 * len(rows)), layout='constrained')
        scores, differences = figure.subplots(1, 2, sharey=True)
        differences.axvline(0, color=_COLOURS['difference'], linewidth=0.6)
        for place, row in enumerate(rows):
            _draw_scores(scores, place, row, shown)
            _draw_difference(differences, place, row, shown)
        scores.set_yticks(range(len(rows)), [row.variant.name for row in rows])
        scores.set_ylim(len(rows) - 0.4, -0.6)
        scores.set_xlabel(shown.heading)
        differences.set_xlabel(f'Δ {shown.name} ({shown.unit})')
        return svg(figure)


def scores_over_costs(rows: Sequence[VariantResult],
                      shown: ScoreFormat) -> Markup:
    """Plot the score of each variant against each of its costs."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((10.4, 3.6), layout='constrained')
        panels: List[Axes] = list(figure.subplots(1, len(_COSTS), sharey=True))
        for axes, (key, (name, factor)) in zip(panels, _COSTS.items(),
                                               strict=True):
            for row in rows:
                axes.plot(factor * row.costs[key],
                          shown.factor * np.mean(row.means(shown.name)), 'o',
                          label=row.variant.name)
            axes.set_xlabel(name)
        panels[0].set_ylabel(shown.heading)
        figure.legend(*panels[0].get_legend_handles_labels(),
                      loc='outside upper left', ncols=4)
        return svg(figure)


def _draw_scores(axes: Axes, place: int, row: VariantResult,
                 shown: ScoreFormat) -> None:
    means = shown.factor * np.array(row.means(shown.name))
    colour = _COLOURS['score']
    axes.plot(means, np.full(means.size, place), 'o', color=colour, alpha=0.5)
    axes.plot(means.mean(), place, '|', color=colour, markersize=16,
              markeredgewidth=2)


def _draw_difference(axes: Axes, place: int, row: VariantResult,
                     shown: ScoreFormat) -> None:
    difference = row.differences.get(shown.name)
    if difference is not None:
        factor = shown.factor
        interval = difference.paired.interval
        axes.plot(factor * np.array([interval.low, interval.high]),
                  [place, place], color=_COLOURS['difference'])
        axes.plot(factor * interval.mean, place, 'o',
                  color=_COLOURS['difference'])
