"""Draws the plots of a report."""

from typing import Dict, List, Sequence

import matplotlib
import numpy as np
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.reports.pages.svg import INK, STYLE, svg
from mmdbsam.reports.report.score_formats import ScoreFormat

# They are from Okabe and Ito's palette, which colour-blind readers can use.
METHOD_COLOURS = {'box': '#999999', 'ellipse': '#e69f00', 'model': '#0083c9'}
_MARKERS = {'box': 's', 'ellipse': '^', 'model': 'o'}
# More points become pixels, as browsers draw thousands of shapes slowly.
_MAX_SHAPES = 1500
# A box of fewer values says less than the values themselves.
_MIN_BOX = 4
_NAME_LENGTH = 32


def method_boxes(rows: Sequence[CaseScore], formats: Dict[str, ScoreFormat]
                 ) -> Markup:
    """Plot the rows of each method, as boxes and points, per score."""
    methods = _methods(rows)
    with matplotlib.rc_context(STYLE):
        figure = Figure((5.4, 0.6 + 1.35 * len(formats)),
                        layout='constrained')
        panels = figure.subplots(len(formats), squeeze=False)[:, 0]
        for axes, shown in zip(panels, formats.values(), strict=True):
            for place, method in enumerate(methods):
                _box(axes, _values(rows, method, shown), place, method)
            axes.set_yticks(range(len(methods)),
                            [METHODS[method] for method in methods])
            axes.set_ylim(len(methods) - 0.4, -0.6)
            axes.grid(axis='y', visible=False)
            _score_axis(axes, shown)
        return svg(figure)


def label_boxes(rows: Sequence[CaseScore], shown: ScoreFormat) -> Markup:
    """Plot the rows of each label, see :func:`group_boxes`."""
    by_label: Dict[str, List[CaseScore]] = {}
    for row in rows:
        by_label.setdefault(row.label, []).append(row)
    return group_boxes(by_label, shown)


def group_boxes(groups: Dict[str, List[CaseScore]], shown: ScoreFormat
                ) -> Markup:
    """Plot the model's rows of each group, and the baselines' medians.

    The groups are in the order of the model's median.
    """
    order = sorted(groups, key=lambda name: np.median(
        _values(groups[name], 'model', shown)), reverse=True)
    rows = [row for own in groups.values() for row in own]
    with matplotlib.rc_context(STYLE):
        figure = Figure((10.4, 0.8 + 0.21 * len(order)),
                        layout='constrained')
        axes = figure.subplots()
        for method in _methods(rows):
            if method != 'model':
                axes.plot([np.median(_values(groups[name], method, shown))
                           for name in order], range(len(order)),
                          _MARKERS[method], color=METHOD_COLOURS[method],
                          markersize=4, markerfacecolor='none',
                          label=f'{METHODS[method]}, median')
        for place, name in enumerate(order):
            _box(axes, _values(groups[name], 'model', shown), place,
                 'model')
        axes.plot([], [], 'o', color=METHOD_COLOURS['model'], markersize=4,
                  label='model')
        axes.set_yticks(range(len(order)), map(_short, order))
        axes.set_ylim(len(order) - 0.4, -0.6)
        _score_axis(axes, shown)
        figure.legend(loc='outside upper left', ncols=3)
        return svg(figure)


def score_against_size(rows: Sequence[CaseScore], shown: ScoreFormat
                       ) -> Markup:
    """Plot the score of each row against the volume of its reference."""
    with matplotlib.rc_context(STYLE):
        figure = Figure((5.4, 3.6), layout='constrained')
        axes = figure.subplots()
        for method in _methods(rows):
            chosen = [row for row in rows if row.method == method]
            model = method == 'model'
            axes.scatter(
                [row.volume_ml for row in chosen],
                _values(rows, method, shown), s=18 if model else 12,
                marker=_MARKERS[method], label=METHODS[method],
                facecolors=METHOD_COLOURS[method] if model else 'none',
                edgecolors=METHOD_COLOURS[method], linewidths=0.8,
                alpha=0.85 if model else 0.6,
                rasterized=len(chosen) > _MAX_SHAPES)
        axes.set_xscale('log')
        # The formatters of a log axis would write powers of ten as formulas.
        low, high = axes.get_xlim()
        axes.xaxis.set_major_formatter(lambda value, _: f'{value:g}')
        axes.xaxis.set_minor_formatter(
            lambda value, _: f'{value:g}' if high < 10 * low else '')
        axes.set_xlabel("volume of the reference (ml), logarithmic")
        axes.set_ylabel(shown.heading)
        figure.legend(loc='outside upper left', ncols=3)
        return svg(figure)


def _methods(rows: Sequence[CaseScore]) -> List[str]:
    present = {row.method for row in rows}
    return [method for method in METHODS if method in present]


def _values(rows: Sequence[CaseScore], method: str, shown: ScoreFormat
            ) -> np.ndarray:
    """Return values as printed, NaN where they cannot be drawn."""
    values = np.array([row.scores[shown.name] for row in rows
                       if row.method == method])
    return shown.factor * np.where(
        np.isfinite(values), values, np.nan)


def _box(axes: Axes, values: np.ndarray, place: float, method: str) -> None:
    colour = METHOD_COLOURS[method]
    values = values[~np.isnan(values)]
    boxed = len(values) >= _MIN_BOX
    if boxed:
        axes.boxplot(
            [values], positions=[place], orientation='horizontal', widths=0.6,
            showfliers=False, manage_ticks=False, patch_artist=True,
            boxprops=dict(facecolor=colour, alpha=0.25, edgecolor=colour),
            medianprops=dict(color=colour, linewidth=2),
            whiskerprops=dict(color=colour), capprops=dict(color=colour))
    spread = np.random.default_rng(0).uniform(-0.2, 0.2, len(values))
    axes.scatter(values, place + spread * boxed, s=7 if boxed else 16,
                 color=colour, alpha=0.6 if boxed else 1, linewidths=0,
                 rasterized=len(values) > _MAX_SHAPES)


def _score_axis(axes: Axes, shown: ScoreFormat) -> None:
    axes.set_xlabel(shown.heading)
    if shown.higher_is_better:
        axes.set_xlim(-0.02 * shown.factor * shown.ideal,
                      1.02 * shown.factor * shown.ideal)
    else:
        axes.axvline(shown.ideal, color=INK, linewidth=0.8)


def _short(name: str) -> str:
    return name if len(name) <= _NAME_LENGTH else (
        name[:_NAME_LENGTH // 2] + '…' + name[-_NAME_LENGTH // 2 + 1:])
