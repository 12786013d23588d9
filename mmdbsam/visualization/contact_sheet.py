"""Prompted samples as pictures, and many of them on one sheet."""

from collections.abc import Sequence
from math import ceil, sqrt
from typing import NamedTuple

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle

from mmdbsam.structures.colours import label_colour

TILE_SIDE = 400
BACKGROUND = '#14161a'

_INK, _FAINT_INK = '#eceef1', '#a2a9b3'
_MARGIN, _GAP, _HEADING = 24, 20, 68
_TITLE, _LINE, _SWATCH = 32, 20, 11
_MOST_COLUMNS, _MOST_LINES = 6, 4
# With a power of two, a size in inches is exact, and so is its number of
# pixels.
_DPI = 64
_POINT = 72 / _DPI


class Tile(NamedTuple):
    """A sample on a contact sheet.

    Attributes:
        picture: The picture, uint8 (side, side, 3), as :func:`draw_prompts`
            makes it.
        title: The title, which is set in bold below the picture.
        labels: The id and the name of each prompted label, which are written
            below the title.
    """

    picture: np.ndarray
    title: str
    labels: Sequence[tuple[int, str]]


def draw_prompts(image: np.ndarray, boxes: np.ndarray, labels: Sequence[int],
                 masks: np.ndarray | None = None,
                 points: Sequence[np.ndarray] | None = None,
                 side: int = TILE_SIDE) -> np.ndarray:
    """Draw a model's input with its prompts.

    The padding that makes the input a square is left dark. A box runs through
    the centres of its outermost pixels, which is where SAM's prompt encoder
    takes its corners to be, and a contour runs along the border of a mask. A
    point of an object is a disc, and a point of its background is a cross.

    Args:
        image: The image, RGB uint8 (h, w, 3).
        boxes: The boxes, (K, 4), as x0, y0, x1, y1 in inclusive pixel indices;
            NaN for a label without a box.
        labels: The ids of the K labels, which give the colours.
        masks: The masks, bool or {0, 1}, (K, h, w), or None.
        points: K arrays (P, 3) of x, y, and 1 for the object or 0 for its
            background, or None.
        side: Side of the picture, in pixels.

    Returns:
        np.ndarray: The picture, RGB uint8 (side, side, 3).
    """
    figure = Figure(figsize=(side / _DPI, side / _DPI), dpi=_DPI,
                    facecolor=BACKGROUND)
    canvas = FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.imshow(image)
    drawn = set()
    for i, (box, label_id) in enumerate(zip(boxes, labels, strict=True)):
        colour = label_colour(label_id)
        # A label can be prompted by several boxes, but it has only one mask.
        if masks is not None and label_id not in drawn:
            _draw_contour(axes, np.asarray(masks[i], bool), colour)
            drawn.add(label_id)
        if not np.isnan(box).any():
            _draw_box(axes, box, colour)
        for x, y, inside in () if points is None else points[i]:
            axes.plot(x, y, 'o' if inside else 'X', color=colour,
                      markersize=9 * _POINT, markeredgecolor='black')
    length = max(image.shape[:2])
    axes.set(xlim=(-0.5, length - 0.5), ylim=(length - 0.5, -0.5))
    axes.set_axis_off()
    return _rendered(canvas)


def draw_contact_sheet(tiles: Sequence[Tile], title: str,
                       details: str) -> np.ndarray:
    """Lay tiles out in rows, under a heading.

    Args:
        tiles: One tile or more, with pictures of one size.
        title: The first line of the heading, which is set in bold.
        details: The second line of the heading.

    Returns:
        np.ndarray: The sheet, RGB uint8 (height, width, 3). With tiles of the
        default size, it is at most 2548 px wide.
    """
    side = len(tiles[0].picture)
    rows = ceil(len(tiles) / min(_MOST_COLUMNS,
                                 ceil(sqrt(1.5 * len(tiles)))))
    columns = ceil(len(tiles) / rows)
    lines = min(_MOST_LINES,
                max(ceil(len(tile.labels) / 2) for tile in tiles))
    step = side + _TITLE + lines * _LINE + _GAP
    width = 2 * _MARGIN + columns * (side + _GAP) - _GAP
    height = _MARGIN + _HEADING + rows * step
    lettering = _Lettering(width, height)
    lettering.write(title, _MARGIN, _MARGIN, width - 2 * _MARGIN, 22,
                    weight='bold')
    lettering.write(details, _MARGIN, _MARGIN + 32, width - 2 * _MARGIN, 15,
                    colour=_FAINT_INK)
    pictures = []
    for i, tile in enumerate(tiles):
        left = _MARGIN + i % columns * (side + _GAP)
        top = _MARGIN + _HEADING + i // columns * step
        pictures.append((left, top, tile.picture))
        top += side + 8
        lettering.write(tile.title, left, top, side, 16, weight='bold')
        top += _TITLE - 8
        for j, (colour, name) in enumerate(_legend(tile.labels, 2 * lines)):
            x = left + j % 2 * (side // 2)
            y = top + j // 2 * _LINE
            if colour:
                pictures.append((x, y + 2, _swatch(colour)))
            lettering.write(name, x + _SWATCH + 6, y,
                            side // 2 - _SWATCH - 12, 13, colour=_FAINT_INK)
    sheet = lettering.rendered()
    for left, top, picture in pictures:
        side = len(picture)
        sheet[top:top + side, left:left + side] = picture
    return sheet


class _Lettering:
    """Text on a dark ground, placed in pixels from the top left."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.figure = Figure(figsize=(width / _DPI, height / _DPI), dpi=_DPI,
                             facecolor=BACKGROUND)
        self.canvas = FigureCanvasAgg(self.figure)

    def write(self, text: str, left: int, top: int, width: int, size: int,
              weight: str = 'normal', colour: str = _INK) -> None:
        """Write one line, and leave out its middle if it is too wide."""
        font = FontProperties(size=size * _POINT, weight=weight)
        # Otherwise a dollar sign in a name would begin a formula.
        self.figure.text(left / self.width, 1 - top / self.height,
                         self._fitted(text, width, font), va='top',
                         color=colour, fontproperties=font, parse_math=False)

    def rendered(self) -> np.ndarray:
        """Return the drawn text as a picture, uint8 (height, width, 3)."""
        return _rendered(self.canvas)

    def _fitted(self, text: str, width: int, font: FontProperties) -> str:
        measure = self.canvas.get_renderer().get_text_width_height_descent
        fitted, kept = text, len(text)
        # The end is kept too, as similar names mostly differ there.
        while kept > 2 and (
                found := measure(fitted, font, False)[0]) > width:
            kept = max(2, min(kept - 1, int(kept * width / found)))
            fitted = f'{text[:ceil(kept / 2)]}…{text[-(kept // 2):]}'
        return fitted


def _legend(labels: Sequence[tuple[int, str]],
            places: int) -> list[tuple[str | None, str]]:
    """The colour and name of each label that there is a place for.

    If there are more labels, the last place says how many are left out.
    """
    entries = [(label_colour(label_id), name) for label_id, name in labels]
    if len(entries) <= places:
        return entries
    left_out = len(entries) - places + 1
    return [*entries[:places - 1], (None, f'and {left_out} more')]


def _swatch(colour: str) -> np.ndarray:
    return np.full((_SWATCH, _SWATCH, 3),
                   np.rint(255 * np.array(to_rgb(colour))), np.uint8)


def _draw_box(axes: Axes, box: np.ndarray, colour: str) -> None:
    x0, y0, x1, y1 = box
    axes.add_patch(Rectangle(
        (x0, y0), x1 - x0, y1 - y0, fill=False, edgecolor=colour,
        linewidth=1.2 * _POINT, linestyle=(0, (5, 2)),
        path_effects=_outline(2.4)))


def _draw_contour(axes: Axes, mask: np.ndarray, colour: str) -> None:
    rows, columns = (np.flatnonzero(mask.any(axis)) for axis in (1, 0))
    if not rows.size:
        return
    # Only the part around the mask is drawn, which is much faster than the
    # whole image. Its border of background closes contours at the image's
    # edge.
    part = np.pad(mask[rows[0]:rows[-1] + 1, columns[0]:columns[-1] + 1], 1)
    lines = axes.contour(columns[0] - 1 + np.arange(part.shape[1]),
                         rows[0] - 1 + np.arange(part.shape[0]),
                         part.astype(float), levels=[0.5], colors=[colour],
                         linewidths=2 * _POINT)
    lines.set_path_effects(_outline(3.4))


def _outline(width: float) -> list[patheffects.AbstractPathEffect]:
    """A dark rim, which sets a line off from bright organs."""
    return [patheffects.withStroke(linewidth=width * _POINT,
                                   foreground=(0, 0, 0, 0.5))]


def _rendered(canvas: FigureCanvasAgg) -> np.ndarray:
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()
