"""Turns plots into SVG that is drawn in the page's text colour."""

import io

from markupsafe import Markup
from matplotlib.figure import Figure

# A placeholder that becomes the page's text colour; it is never seen.
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
    """Make an element of a page from a figure, safe from escaping."""
    text = io.StringIO()
    figure.savefig(text, format='svg', transparent=True,
                   metadata={'Date': None})
    # An XML declaration is not allowed within a page.
    element = text.getvalue()[text.getvalue().index('<svg'):]
    return Markup(element.replace(INK, 'currentColor'))
