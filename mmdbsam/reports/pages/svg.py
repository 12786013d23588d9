"""Plots as SVG that takes the page's colour for its ink."""

import io

from markupsafe import Markup
from matplotlib.figure import Figure

from mmdbsam.visualization.plot_style import PLOT_STYLE

# Stands for the text colour of the page; not a colour that is drawn.
INK = '#010203'
STYLE = {
    **PLOT_STYLE, 'svg.fonttype': 'none', 'svg.hashsalt': 'report',
    'text.color': INK, 'axes.labelcolor': INK, 'axes.edgecolor': INK,
    'xtick.color': INK, 'ytick.color': INK, 'grid.color': INK,
    'text.parse_math': False,
}


def svg(figure: Figure) -> Markup:
    """A figure as an element of a page, which is not escaped again."""
    text = io.StringIO()
    figure.savefig(text, format='svg', transparent=True,
                   metadata={'Date': None})
    # Without the XML declaration.
    element = text.getvalue()[text.getvalue().index('<svg'):]
    return Markup(element.replace(INK, 'currentColor'))
