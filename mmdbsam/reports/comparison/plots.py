"""Draws the plot of a comparison."""

from typing import Sequence

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

from mmdbsam.reports.comparison.pairing import model_names, rows_by_key
from mmdbsam.reports.pages.svg import STYLE, svg
from mmdbsam.reports.report import Report

# They are from Okabe and Ito's palette, which colour-blind readers can use.
_COLOURS = ('#0083c9', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9')
_MARKERS = 'o^sDvP'


def score_against_score(reports: Sequence[Report]) -> Markup:
    """Plot the DSC of each volume in each report against the first's."""
    names, tables = model_names(reports), list(map(rows_by_key, reports))
    with matplotlib.rc_context(STYLE):
        figure = Figure((6, 5.6), layout='constrained')
        axes = figure.subplots()
        axes.plot([0, 100], [0, 100], color=STYLE['text.color'],
                  linewidth=0.8, alpha=0.5)
        for index, table in enumerate(tables[1:]):
            points = [(100 * row.scores['DSC'],
                       100 * table[key].scores['DSC'])
                      for key, row in tables[0].items()]
            axes.scatter(*zip(*points, strict=True), s=20, linewidths=0,
                         color=_COLOURS[index % len(_COLOURS)], alpha=0.75,
                         marker=_MARKERS[index % len(_MARKERS)],
                         label=names[index + 1],
                         rasterized=len(points) > 1500)
        axes.set(xlim=(-2, 102), ylim=(-2, 102), aspect='equal',
                 xlabel=f'DSC (%) of {names[0]}', ylabel='DSC (%)')
        figure.legend(loc='outside upper left')
        return svg(figure)
