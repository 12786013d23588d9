"""The colour of a label in pictures and files."""

from colorsys import hsv_to_rgb
from math import sqrt

# Blue and red alone are too dark for contours on a dark organ.
_LEAST_LUMINANCE = 0.45


def label_colour(label_id: int) -> str:
    """The colour ``'#rrggbb'`` of a label: bright, and the same everywhere."""
    # Steps of the golden ratio keep the hues of any run of ids apart.
    hue = label_id * (sqrt(5) - 1) / 2 % 1
    red, green, blue = hsv_to_rgb(hue, (0.9, 0.5)[label_id % 2], 1)
    luminance = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    white = max(0, (_LEAST_LUMINANCE - luminance) / (1 - luminance))
    return '#' + ''.join(f'{round(255 * (part + white * (1 - part))):02x}'
                         for part in (red, green, blue))


def label_rgb(label_id: int) -> tuple[float, float, float]:
    """The colour of a label as red, green and blue, each in 0..1."""
    code = label_colour(label_id)
    return tuple(int(code[i:i + 2], 16) / 255 for i in (1, 3, 5))
