"""Curves of a training, which show values over its iterations or epochs."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from mmdbsam.io.atomic import staged_file
from mmdbsam.visualization.plot_style import PLOT_STYLE

# Most of these are from the palette of Okabe and Ito, whose colours
# colour-blind readers can tell apart too.
_COLOURS = ('#0083c9', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9',
            '#7a7a7a')
_INK = '#1b1e23'
_STYLE = {**PLOT_STYLE, 'text.color': _INK, 'grid.color': _INK,
          'axes.xmargin': 0.}
_WIDTH, _PANEL_HEIGHT, _DPI = 8., 2.5, 125
# Each value of a curve is marked if there are at most so many. If there are at
# least so many noisy ones, their running mean over this part of them is drawn
# too.
_MOST_MARKED, _LEAST_SMOOTHED, _SMOOTHED_PART = 40, 100, 0.05


@dataclass(frozen=True)
class Curve:
    """A value over the steps of a training.

    Attributes:
        name: The name of the curve in the legend.
        steps: The steps at which the value was logged.
        values: The values at these steps.
        unit: The unit of the steps, 'iteration' or 'epoch'.
    """

    name: str
    steps: Sequence[float]
    values: Sequence[float]
    unit: str


@dataclass(frozen=True)
class Panel:
    """Curves that have both axes in common.

    Attributes:
        label: The name of the values, with their unit.
        curves: One curve or more, whose steps have the same unit.
        until: The step at which the axis ends, or None for the last step.
        noisy: Whether the values are noisy. Many of them are then drawn with
            their running mean, and those that span a decade or more are drawn
            on a logarithmic axis.
        best: Whether the largest value of each curve is marked and named.
    """

    label: str
    curves: Sequence[Curve]
    until: float | None = None
    noisy: bool = False
    best: bool = False


def draw_curves(panels: Sequence[Panel], title: str, path: Path) -> None:
    """Write panels, one below the other, to a picture.

    Args:
        panels: One panel or more.
        title: The heading of the picture.
        path: The file, whose suffix names a format that matplotlib writes.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure((_WIDTH, 0.4 + _PANEL_HEIGHT * len(panels)),
                        dpi=_DPI, layout='constrained')
        FigureCanvasAgg(figure)
        figure.suptitle(title, x=0.01, ha='left', fontweight='bold',
                        parse_math=False)
        for axes, panel in zip(figure.subplots(len(panels), squeeze=False
                                               ).flat, panels, strict=True):
            _draw_panel(axes, panel)
        figure.align_ylabels()
        with staged_file(path) as partial:
            figure.savefig(partial)


def _draw_panel(axes: Axes, panel: Panel) -> None:
    values = np.concatenate([curve.values for curve in panel.curves])
    logarithmic = (panel.noisy and values.min() > 0
                   and values.max() >= 10 * values.min())
    if logarithmic:
        axes.set_yscale('log')
        axes.yaxis.set_major_formatter(lambda value, _: f'{value:g}')
    else:
        axes.ticklabel_format(axis='y', scilimits=(-3, 4))
    for curve, colour in zip(panel.curves, cycle(_COLOURS)):  # noqa: B905
        _draw_curve(axes, curve, colour, panel)
    axes.set_xlim(0, panel.until or max(curve.steps[-1]
                                        for curve in panel.curves))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel(panel.curves[0].unit)
    axes.set_ylabel(f'{panel.label}, logarithmic' if logarithmic
                    else panel.label, parse_math=False)
    handles, names = axes.get_legend_handles_labels()
    if names != [panel.label]:
        # A legend above the panel covers no curve.
        legend = axes.legend(handles, names, loc='lower right',
                             bbox_to_anchor=(1, 1), borderaxespad=0.2,
                             ncols=min(4, len(names)))
        for text in legend.get_texts():
            text.set_parse_math(False)


def _draw_curve(axes: Axes, curve: Curve, colour: str, panel: Panel) -> None:
    steps, values = np.array(curve.steps), np.array(curve.values, float)
    name = curve.name
    line = dict(color=colour, clip_on=False)
    if panel.best:
        top = int(values.argmax())
        name += f' (best {values[top]:.1f}, {curve.unit} {steps[top]:g})'
        axes.plot(steps[top], values[top], 'o', markersize=9,
                  markerfacecolor='none', zorder=3, **line)
    if panel.noisy and len(values) >= _LEAST_SMOOTHED:
        window = int(len(values) * _SMOOTHED_PART)
        axes.plot(steps, values, linewidth=0.8, alpha=0.35, **line)
        axes.plot(steps, running_mean(values, window), linewidth=1.8,
                  label=f'{name}, mean of {window}', **line)
    else:
        axes.plot(steps, values, linewidth=1.4, markersize=3, label=name,
                  marker='o' if len(values) <= _MOST_MARKED else None, **line)


def running_mean(values: np.ndarray, window: int) -> np.ndarray:
    """Compute the mean of the values around each value.

    At the ends, where there are fewer values around, the mean is over these.

    Args:
        values: The values, (n,).
        window: The number of values in a mean, at most n.

    Returns:
        np.ndarray: The means, (n,).
    """
    kernel = np.ones(window)
    return (np.convolve(values, kernel, 'same')
            / np.convolve(np.ones(len(values)), kernel, 'same'))
