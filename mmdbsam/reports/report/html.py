"""Pages that one file holds and that need no network and no script."""

import base64
import io
from typing import Any, Dict, Sequence

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from PIL import Image

from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.reports.report import plots
from mmdbsam.reports.report.markdown import facts, protocol_text
from mmdbsam.reports.report.overlays import best_median_worst
from mmdbsam.reports.report.score_formats import score_formats
from mmdbsam.reports.report.score_tables import label_table, method_table

_QUALITY = 88


def render_page(template: str, **content: Any) -> str:
    """Fill a template of this package.

    Args:
        template: Its file's name.
        content: Its variables; text among them is escaped.

    Returns:
        str: The page.
    """
    environment = Environment(
        loader=PackageLoader('mmdbsam.reports.report'), autoescape=True,
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.get_template(template).render(content)


def picture_uri(picture: np.ndarray) -> str:
    """A picture, uint8 (h, w, 3), as a ``data:`` URI."""
    stream = io.BytesIO()
    Image.fromarray(picture).save(stream, 'JPEG', quality=_QUALITY)
    content = base64.b64encode(stream.getvalue()).decode()
    return f'data:image/jpeg;base64,{content}'


def html_report(rows: Sequence[CaseScore], summary: dict,
                overlays: Dict[str, np.ndarray]) -> str:
    """``index.html``.

    Args:
        rows: The rows of ``cases.csv``.
        summary: What ``summary.json`` holds.
        overlays: Name to picture, uint8 (h, w, 3), RGB.
    """
    formats = score_formats(summary['protocol'])
    return render_page(
        'report.html', summary=summary,
        protocol=protocol_text(summary['protocol']),
        methods=method_table(summary), labels=label_table(summary),
        overlays=[(f'{name.capitalize()}: {row.label} of {row.case}, DSC '
                   f'{100 * row.scores["DSC"]:.1f} %',
                   picture_uri(overlays[name]))
                  for name, row in reversed(best_median_worst(rows).items())],
        formats=formats,
        method_boxes=plots.method_boxes(rows, formats),
        label_boxes=plots.label_boxes(rows, formats['DSC']),
        against_size=plots.score_against_size(rows, formats['DSC']),
        facts=facts(summary),
        config=summary['provenance'].get('config_text', ''))
