"""A slice with the reference, the prediction and the prompt drawn on it."""

from typing import Optional, Tuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

REFERENCE_COLOUR = '#2ee66b'
PREDICTION_COLOUR = '#ff4fd8'
BOX_COLOUR = '#ffd23f'

_SIDE = 768
_TITLE_HEIGHT = 72
_LEGEND_HEIGHT = 48


def draw_overlay(image: np.ndarray, reference: np.ndarray,
                 prediction: np.ndarray, box: Optional[np.ndarray],
                 title: str, points: Optional[np.ndarray] = None,
                 around: Optional[np.ndarray] = None) -> np.ndarray:
    """Draw contours, box and clicks on the part of a slice around them.

    Args:
        image: The slice, uint8 (H, W), or (H, W, 3) for RGB.
        reference: The reference mask, bool (H, W).
        prediction: The predicted mask, bool (H, W).
        box: The box, (4,), as x0, y0, x1, y1 in inclusive pixel indices, or
            None.
        title: One or two lines, of which the first is set in bold.
        points: The clicks, (P, 3), as x, y, and 1 on the object, 0 on the
            background or -1 for none; or None.
        around: A mask, bool (H, W), that the view contains too, or None.

    Returns:
        np.ndarray: The picture, RGB uint8 (888, 768, 3). It shows the title, a
        square view of the slice, and the legend.
    """
    height = _TITLE_HEIGHT + _SIDE + _LEGEND_HEIGHT
    figure = Figure(figsize=(_SIDE / 100, height / 100), dpi=100,
                    facecolor='black')
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes(
        (0, _LEGEND_HEIGHT / height, 1, _SIDE / height), facecolor='black')
    axes.imshow(image, cmap='gray', vmin=0, vmax=255,
                interpolation='bicubic')
    if box is not None:
        x0, y0, x1, y1 = box
        axes.add_patch(Rectangle(
            (x0 - 0.5, y0 - 0.5), x1 - x0 + 1, y1 - y0 + 1, fill=False,
            edgecolor=BOX_COLOUR, linewidth=1))
    # The reference's line is wider, so that both show where they coincide.
    _draw_contour(axes, reference, REFERENCE_COLOUR, 3.4)
    _draw_contour(axes, prediction, PREDICTION_COLOUR, 1.3)
    for x, y, kind in () if points is None else points[points[:, 2] >= 0]:
        axes.plot(x, y, 'o' if kind else 'X', color=BOX_COLOUR, markersize=9,
                  markeredgecolor='black')
    shown = reference | prediction
    left, top, side = _view(shown if around is None else shown | around, box)
    axes.set(xlim=(left, left + side), ylim=(top + side, top))
    axes.set_axis_off()
    _draw_text(figure, title, height)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()


def _draw_contour(axes: Axes, mask: np.ndarray, colour: str,
                  width: float) -> None:
    # A border of background closes the contours of masks that touch the edge.
    padded = np.pad(mask, 1).astype(float)
    if mask.any():
        axes.contour(np.arange(-1, mask.shape[1] + 1),
                     np.arange(-1, mask.shape[0] + 1), padded, levels=[0.5],
                     colors=[colour], linewidths=width)


def _draw_text(figure: Figure, title: str, height: int) -> None:
    name, *details = title.split('\n')
    figure.text(0.02, 1 - 14 / height, name, color='white', fontsize=15,
                fontweight='bold', va='top')
    figure.text(0.02, 1 - 42 / height, ' '.join(details), color='#c8c8c8',
                fontsize=11, va='top')
    handles = [Line2D([], [], color=colour, linewidth=2.5, label=name)
               for name, colour in (('reference', REFERENCE_COLOUR),
                                    ('prediction', PREDICTION_COLOUR),
                                    ('prompt', BOX_COLOUR))]
    figure.legend(handles=handles, loc='lower left', ncols=3, frameon=False,
                  labelcolor='white', fontsize=11)


def _view(masks: np.ndarray, box: Optional[np.ndarray]
          ) -> Tuple[float, float, float]:
    """The left, top and side of a square around all that is drawn.

    It lies within the slice if it fits.
    """
    height, width = masks.shape
    rows, columns = np.nonzero(masks)
    xs, ys = list(columns), list(rows)
    if box is not None:
        xs += [box[0], box[2]]
        ys += [box[1], box[3]]
    whole = max(height, width)
    if not xs:
        return _start(0, width - 1, whole, width), _start(
            0, height - 1, whole, height), whole
    extent = max(np.ptp(xs), np.ptp(ys)) + 1
    # The margin shows where in the body the structure is.
    side = float(min(max(1.6 * extent, 0.4 * whole), whole))
    return (_start(min(xs), max(xs), side, width),
            _start(min(ys), max(ys), side, height), side)


def _start(low: float, high: float, side: float, length: int) -> float:
    """Where a view of [low, high] begins on an axis, inside if it fits."""
    if side > length:
        return (length - side) / 2 - 0.5
    return float(np.clip((low + high - side) / 2, -0.5, length - 0.5 - side))
