"""Makes pages that consist of one file and need no network."""

import base64
import io
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

_QUALITY = 88


def render_page(template: str, **content: Any) -> str:
    """Fill a template of this package.

    Args:
        template: The name of the template's file.
        **content: The template's variables, in which text is escaped.

    Returns:
        str: The page.
    """
    environment = Environment(
        loader=PackageLoader('mmdbsam.reports.pages'), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template).render(content)


def picture_uri(picture: np.ndarray, kind: str = 'jpeg') -> str:
    """Encode a picture as a ``data:`` URI.

    Args:
        picture: The picture, uint8 (h, w, 3), RGB.
        kind: The format, ``'jpeg'``, or ``'png'`` to lose nothing.
    """
    stream = io.BytesIO()
    options = dict(quality=_QUALITY) if kind == 'jpeg' else {}
    Image.fromarray(picture).save(stream, kind, **options)
    content = base64.b64encode(stream.getvalue()).decode()
    return f'data:image/{kind};base64,{content}'
