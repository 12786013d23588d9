"""Makes ``index.html``, which needs no other file, network or script."""

from typing import Dict, Sequence

import numpy as np

from mmdbsam.evaluation.case_score import CaseScore
from mmdbsam.reports.pages.html import picture_uri, render_page
from mmdbsam.reports.report import plots
from mmdbsam.reports.report.markdown import facts, protocol_text
from mmdbsam.reports.report.overlays import best_median_worst
from mmdbsam.reports.report.score_formats import score_formats
from mmdbsam.reports.report.score_tables import (
    label_table,
    method_table,
    structure_table,
)
from mmdbsam.reports.report.sessions import click_curves


def html_report(rows: Sequence[CaseScore], summary: dict,
                overlays: Dict[str, np.ndarray]) -> str:
    """Make the text of ``index.html``.

    Args:
        rows: The rows of ``cases.csv``.
        summary: The content of ``summary.json``.
        overlays: The pictures by their names, uint8 (h, w, 3), RGB.
    """
    formats = score_formats(summary['protocol'])
    return render_page(
        'report.html', summary=summary,
        protocol=protocol_text(summary['protocol']),
        methods=method_table(summary), labels=label_table(summary),
        structures=structure_table(summary),
        overlays=[(f'{name.capitalize()}: {row.label} of {row.case}, DSC '
                   f'{100 * row.scores["DSC"]:.1f} %',
                   picture_uri(overlays[name]))
                  for name, row in reversed(best_median_worst(rows).items())],
        curves=click_curves(summary) if 'turns' in summary['protocol']
        else '',
        session=picture_uri(overlays['session']) if 'session' in overlays
        else '',
        formats=formats,
        method_boxes=plots.method_boxes(rows, formats),
        label_boxes=plots.label_boxes(rows, formats['DSC']),
        against_size=plots.score_against_size(rows, formats['DSC']),
        facts=facts(summary),
        config=summary['provenance'].get('config_text', ''))
