"""Plots as SVG that takes the page's colour for its ink."""

import io

from markupsafe import Markup
from matplotlib.figure import Figure

# Stands for the text colour of the page; not a colour that is drawn.
INK = '#010203'
STYLE = {
    'svg.fonttype': 'none', 'svg.hashsalt': 'report', 'font.size': 9,
    'text.color': INK, 'axes.labelcolor': INK, 'axes.edgecolor': INK,
    'xtick.color': INK, 'ytick.color': INK, 'axes.spines.top': False,
    'axes.spines.right': False, 'axes.grid': True, 'grid.color': INK,
    'grid.alpha': 0.15, 'axes.axisbelow': True, 'text.parse_math': False,
    'legend.frameon': False, 'axes.linewidth': 0.6, 'legend.fontsize': 9,
}


def svg(figure: Figure) -> Markup:
    """A figure as an element of a page, which is not escaped again."""
    text = io.StringIO()
    figure.savefig(text, format='svg', transparent=True,
                   metadata={'Date': None})
    # Without the XML declaration.
    element = text.getvalue()[text.getvalue().index('<svg'):]
    return Markup(element.replace(INK, 'currentColor'))
