"""The plots of a study's page."""

from typing import List, Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdbsam.evaluation.report.metric_formats import METRIC_FORMATS
from mmdbsam.evaluation.report.plots import STYLE, axis_name, svg
from mmdbsam.studies.results import VariantResult

_COLOURS = dict(score='#0083c9', difference='#d55e00')
_COSTS = {'trained': ('parameters trained (M)', 1e-6),
          'flops': ('GFLOPs', 1e-9), 'seconds': ('latency (ms)', 1e3)}


def scores_and_differences(rows: Sequence[VariantResult],
                           metric: str) -> Markup:
    """A line a variant: its seeds, their mean, the difference to the first."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((10.4, 0.9 + 0.4 * len(rows)), layout='constrained')
        scores, differences = figure.subplots(1, 2, sharey=True)
        differences.axvline(0, color=_COLOURS['difference'], linewidth=0.6)
        for place, row in enumerate(rows):
            _draw_scores(scores, place, row, metric)
            _draw_difference(differences, place, row, metric)
        scores.set_yticks(range(len(rows)), [row.variant.name for row in rows])
        scores.set_ylim(len(rows) - 0.4, -0.6)
        scores.set_xlabel(axis_name(metric))
        differences.set_xlabel(f'Δ {axis_name(metric)}')
        return svg(figure)


def scores_over_costs(rows: Sequence[VariantResult], metric: str) -> Markup:
    """A panel a cost, a point a variant."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((10.4, 3.6), layout='constrained')
        panels: List[Axes] = list(figure.subplots(1, len(_COSTS), sharey=True))
        for axes, (key, (name, factor)) in zip(panels, _COSTS.items(),
                                               strict=True):
            for row in rows:
                axes.plot(factor * row.costs[key],
                          METRIC_FORMATS[metric].factor * np.mean(
                              row.means(metric)), 'o',
                          label=row.variant.name)
            axes.set_xlabel(name)
        panels[0].set_ylabel(axis_name(metric))
        figure.legend(*panels[0].get_legend_handles_labels(),
                      loc='outside upper left', ncols=4)
        return svg(figure)


def _draw_scores(axes: Axes, place: int, row: VariantResult,
                 metric: str) -> None:
    means = METRIC_FORMATS[metric].factor * np.array(row.means(metric))
    colour = _COLOURS['score']
    axes.plot(means, np.full(means.size, place), 'o', color=colour, alpha=0.5)
    axes.plot(means.mean(), place, '|', color=colour, markersize=16,
              markeredgewidth=2)


def _draw_difference(axes: Axes, place: int, row: VariantResult,
                     metric: str) -> None:
    difference = row.differences.get(metric)
    if difference is not None:
        factor = METRIC_FORMATS[metric].factor
        interval = difference.paired.interval
        axes.plot(factor * np.array([interval.low, interval.high]),
                  [place, place], color=_COLOURS['difference'])
        axes.plot(factor * interval.mean, place, 'o',
                  color=_COLOURS['difference'])
