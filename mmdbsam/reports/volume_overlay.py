"""Draws a volume's slices and objects, as a sheet, a film, or a page."""

import base64
import json
from pathlib import Path

import cv2
import numpy as np
from contourpy import contour_generator
from markupsafe import Markup

from mmdbsam.errors import InputError
from mmdbsam.reports.pages.html import render_page
from mmdbsam.structures.colours import label_colour
from mmdbsam.visualization.contact_sheet import Tile, draw_contact_sheet
from mmdbsam.visualization.volume_view import ShownSlice, VolumeView

_MOST_TILES = 8
_FILM_SIDE = 512
_FRAMES_PER_SECOND = 10
_JPEG_QUALITY = 80
_FIRST_BYTES = 1 << 16


def draw_sheet(view: VolumeView, title: str, details: str) -> np.ndarray:
    """Draw up to 8 evenly spread slices.

    Slices with prompts are among them, if there are only a few.

    Args:
        view: The volume and its objects.
        title: The heading's first line.
        details: The heading's second line.

    Returns:
        np.ndarray: The sheet, uint8 (height, width, 3), RGB.
    """
    indices = view.indices
    chosen = np.rint(np.linspace(indices[0], indices[-1], min(
        _MOST_TILES, len(indices)))).astype(int)
    if len(view.prompted) <= _MOST_TILES // 2:
        for index in view.prompted:
            chosen[np.abs(chosen - index).argmin()] = index
    tiles = []
    for index in chosen:
        shown = view.shown(index)
        tiles.append(Tile(shown.draw(), f'slice {view.numbers[index]}',
                          [(i, view.names[i]) for i in shown.ids]))
    return draw_contact_sheet(tiles, title, details)


def write_sheet(view: VolumeView, title: str, details: str,
                path: Path) -> None:
    """Write the sheet that :func:`draw_sheet` draws.

    Args:
        view: The volume and its objects.
        title: The heading's first line.
        details: The heading's second line.
        path: The file, a PNG or JPEG.
    """
    path.write_bytes(_encoded(draw_sheet(view, title, details), path.suffix))


def write_film(view: VolumeView, title: str, details: str,
               path: Path) -> None:
    """Write an MP4 (VP9) that goes through the slices.

    See :func:`write_sheet` for the arguments.

    Raises:
        InputError: If OpenCV has no encoder of VP9.
        OSError: If the file cannot be written, which OpenCV does not say.
    """
    path.write_bytes(bytes(_FIRST_BYTES))
    labels = list(view.names.items())
    film = None
    for index in view.indices:
        tile = Tile(view.shown(index).draw(_FILM_SIDE),
                    f'slice {view.numbers[index]}', labels)
        frame = draw_contact_sheet([tile], title, details)
        if film is None:
            # Browsers play VP9, which OpenCV's wheels can write.
            film = cv2.VideoWriter(
                str(path), cv2.VideoWriter.fourcc(*'vp09'),
                _FRAMES_PER_SECOND, frame.shape[1::-1])
            if not film.isOpened():
                raise InputError(f'{path}: expected OpenCV with an encoder of '
                                 'VP9, found none; choose .html or .png')
        film.write(np.ascontiguousarray(frame[..., ::-1]))
    film.release()
    written = cv2.VideoCapture(str(path))
    frames = int(written.get(cv2.CAP_PROP_FRAME_COUNT))
    written.release()
    if frames != len(view.indices):
        raise OSError(f'{frames} of {len(view.indices)} frames, as on a full '
                      'disk')


def write_page(view: VolumeView, title: str, details: str,
               path: Path) -> None:
    """Write an HTML page to leaf through the slices.

    The page needs no other file. Contours are drawn as vectors, and each
    object can be hidden. See :func:`write_sheet` for the arguments.
    """
    slices = [dict(number=int(view.numbers[index]),
                   **_vectors(view.shown(index))) for index in view.indices]
    areas = [sum(np.count_nonzero(mask[index]) for mask in
                 view.masks.values()) for index in view.indices]
    objects = [dict(id=label_id, name=name, colour=label_colour(label_id))
               for label_id, name in view.names.items()]
    data = json.dumps(dict(
        slices=slices, objects=objects, first=int(np.argmax(areas))))
    # '</script>' in a name would end the data.
    page = render_page('volume_overlay.html', title=title, details=details,
                       data=Markup(data.replace('<', '\\u003c')))
    path.write_text(page, encoding='utf-8')


#: The functions that write an overlay, by the suffix of its file.
OVERLAYS = {'.png': write_sheet, '.jpg': write_sheet, '.mp4': write_film,
            '.html': write_page}


def _vectors(shown: ShownSlice) -> dict:
    """Turn a slice into what the page draws: its image and SVG objects."""
    code = base64.b64encode(_encoded(shown.image, '.jpg')).decode()
    objects = []
    for i, label_id in enumerate(shown.ids):
        box = shown.boxes[i]
        objects.append(dict(
            id=label_id, path=_outline(shown.masks[i]),
            box=None if np.isnan(box).any() else box.round(2).tolist(),
            points=shown.points[i].round(2).tolist()))
    return dict(
        image=f'data:image/jpeg;base64,{code}',
        width=shown.image.shape[1], height=shown.image.shape[0],
        objects=objects)


def _outline(mask: np.ndarray) -> str:
    """Trace a mask's border as an SVG path; pixel centres are integers."""
    # A border of background closes the lines at the image's edge.
    lines = contour_generator(z=np.pad(mask, 1).astype(float)).lines(0.5)
    # The last point of a line is its first.
    paths = (' '.join(f'{x:g},{y:g}' for x, y in line[:-1] - 1)
             for line in lines)
    return ''.join(f'M{path}Z' for path in paths)


def _encoded(picture: np.ndarray, suffix: str) -> bytes:
    """Encode an RGB picture for a file of the suffix."""
    options = ([cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
               if suffix.lower() == '.jpg' else [])
    return cv2.imencode(suffix, picture[..., ::-1], options)[1].tobytes()
