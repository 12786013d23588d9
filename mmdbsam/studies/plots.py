"""The plots of a study's page."""

import io
from typing import List, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from mmdbsam.studies.results import StudyResult, VariantResult
from mmdbsam.studies.table import scale_of

_COSTS = {'trained': ('parameters trained (M)', 1e-6),
          'flops': ('GFLOPs', 1e-9), 'seconds': ('latency (ms)', 1e3)}


def draw_plots(result: StudyResult) -> List[Tuple[str, bytes]]:
    """Scores, differences, and scores over costs.

    Args:
        result: What was found.

    Returns:
        list[tuple]: Description and SVG of each plot; empty if nothing was
        tested.
    """
    rows = [row for row in result.rows if row.scores]
    if not rows:
        return []
    plots = []
    for metric in result.study.metrics:
        figure = Figure(figsize=(10, 1 + 0.4 * len(rows)), layout='tight')
        scores, differences = figure.subplots(1, 2, sharey=True)
        _draw_scores(scores, rows, metric)
        _draw_differences(differences, rows, metric)
        plots.append((f'{metric}: seeds (dots), their mean (bar), and the '
                      "difference to the first row with its 95 % interval",
                      _svg(figure)))
    metric = result.study.metrics[0]
    measured = [row for row in rows if row.costs]
    if measured:
        figure = Figure(figsize=(10, 3.4), layout='tight')
        for axes, key in zip(figure.subplots(1, len(_COSTS), sharey=True),
                             _COSTS, strict=True):
            _draw_costs(axes, measured, metric, key)
        plots.append((f'{metric} over what the models cost', _svg(figure)))
    return plots


def _draw_scores(axes: Axes, rows: List[VariantResult], metric: str) -> None:
    for place, row in enumerate(rows):
        means = scale_of(metric) * np.array(row.means(metric))
        axes.plot(means, np.full(means.size, place), 'o', color='C0',
                  alpha=0.5)
        axes.plot(means.mean(), place, '|', color='C0', markersize=16,
                  markeredgewidth=2)
    axes.set_yticks(range(len(rows)), [row.variant.name for row in rows])
    axes.invert_yaxis()
    axes.set_xlabel(metric)
    axes.grid(axis='x', alpha=0.3)


def _draw_differences(axes: Axes, rows: List[VariantResult],
                      metric: str) -> None:
    axes.axvline(0, color='0.5', linewidth=1)
    for place, row in enumerate(rows):
        difference = row.differences.get(metric)
        if difference is not None:
            interval = difference.interval
            mean, low, high = (scale_of(metric) * value for value in (
                interval.mean, interval.low, interval.high))
            axes.plot([low, high], [place, place], color='C1')
            axes.plot(mean, place, 'o', color='C1')
    axes.set_xlabel(f'Δ {metric}')
    axes.grid(axis='x', alpha=0.3)


def _draw_costs(axes: Axes, rows: List[VariantResult], metric: str,
                key: str) -> None:
    name, factor = _COSTS[key]
    for row in rows:
        axes.plot(factor * row.costs[key],
                  scale_of(metric) * np.mean(row.means(metric)), 'o',
                  label=row.variant.name)
    axes.set_xlabel(name)
    axes.set_ylabel(metric)
    axes.label_outer()
    axes.grid(alpha=0.3)
    if key == 'trained':
        axes.legend(fontsize='small')


def _svg(figure: Figure) -> bytes:
    file = io.BytesIO()
    FigureCanvasSVG(figure).print_svg(file, metadata=dict(Date=None))
    return file.getvalue()
