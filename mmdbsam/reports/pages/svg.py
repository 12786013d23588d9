"""Turns plots into SVG that is drawn in the page's text colour."""

import io

from markupsafe import Markup
from matplotlib.figure import Figure

from mmdbsam.visualization.plot_style import PLOT_STYLE

# A placeholder that becomes the page's text colour; it is never seen.
INK = '#010203'
STYLE = {
    **PLOT_STYLE, 'svg.fonttype': 'none', 'svg.hashsalt': 'report',
    'text.color': INK, 'axes.labelcolor': INK, 'axes.edgecolor': INK,
    'xtick.color': INK, 'ytick.color': INK, 'grid.color': INK,
    'text.parse_math': False,
}


def svg(figure: Figure) -> Markup:
    """Make an element of a page from a figure, safe from escaping."""
    text = io.StringIO()
    figure.savefig(text, format='svg', transparent=True,
                   metadata={'Date': None})
    # An XML declaration is not allowed within a page.
    element = text.getvalue()[text.getvalue().index('<svg'):]
    return Markup(element.replace(INK, 'currentColor'))
