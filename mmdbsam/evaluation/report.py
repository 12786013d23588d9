"""The report of an evaluation: a folder to read, to plot and to publish."""

import csv
import json
import os
import platform
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Dict, List, Sequence

import numpy as np
import torch
from matplotlib.image import imsave

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import (
    CaseScore,
    draw_spread,
    format_score,
    mean_scores,
)
from mmdbsam.evaluation.label_volume import METHODS
from mmdbsam.version import __version__

CONTENTS = ('cases.csv', 'summary.json', 'report.md', 'overlays')


def require_free_report_dir(report_dir: str) -> Path:
    """Make sure that writing a report there destroys nothing else.

    Args:
        report_dir: A folder that is missing, empty, or an earlier report.

    Returns:
        Path: The folder, absolute.

    Raises:
        InputError: If it is a file or holds anything a report does not have.
    """
    folder = Path(report_dir).resolve()
    if folder.exists() and not folder.is_dir():
        raise InputError(f'report {folder}: expected a folder, found a file')
    others = sorted(path.name for path in folder.glob('*')
                    if path.name not in CONTENTS)
    if others:
        raise InputError(
            f'report {folder}: expected a new folder or an earlier report to '
            f'replace, found a folder with {others[0]}')
    return folder


def summarize(rows: Sequence[CaseScore], task: str, note: str, protocol: dict,
              provenance: Dict[str, str]) -> dict:
    """What ``summary.json`` says, all scores as fractions.

    Args:
        rows: All rows of the task, at least one.
        task: The data set's name.
        note: What a reader of a score must know of the data.
        protocol: How the rows were made, as in :class:`VolumeMetric`.
        provenance: Strings such as the config and the checkpoint.

    Returns:
        dict: ``task``, ``note``, ``protocol``, ``rows`` (their number),
        ``scores`` (see :func:`mean_scores`), ``spread`` (see
        :func:`draw_spread`), ``labels`` (a list of dicts with
        ``label_id``, ``label`` and ``scores``), ``provenance``, ``versions``,
        ``created`` (UTC).
    """
    names = {row.label_id: row.label for row in rows}
    return dict(
        task=task,
        note=note,
        protocol=protocol,
        rows=len(rows),
        scores=mean_scores(rows),
        spread=draw_spread(rows),
        labels=[
            dict(label_id=label_id, label=name, scores=mean_scores(
                [row for row in rows if row.label_id == label_id]))
            for label_id, name in sorted(names.items())
        ],
        provenance=provenance,
        versions=dict(mmdbsam=__version__, python=platform.python_version(),
                      torch=torch.__version__, numpy=np.__version__),
        created=time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime()))


def write_report(report_dir: str, rows: Sequence[CaseScore], summary: dict,
                 overlays: Dict[str, np.ndarray]) -> Path:
    """Write a report, all of it or nothing; it replaces an earlier one.

    Args:
        report_dir: The folder, see :func:`require_free_report_dir`.
        rows: The rows of ``cases.csv``.
        summary: What :func:`summarize` returns.
        overlays: Name to picture, uint8 (h, w, 3), RGB.

    Returns:
        Path: The folder, absolute, with ``cases.csv``, ``summary.json``,
        ``report.md`` and ``overlays/NAME.png``.

    Raises:
        InputError: If the folder holds other files.
    """
    folder = require_free_report_dir(report_dir)
    partial = folder.with_name(f'.{folder.name}.{os.getpid()}.partial')
    replaced = folder.with_name(f'.{folder.name}.{os.getpid()}.replaced')
    (partial / 'overlays').mkdir(parents=True)
    try:
        with open(partial / 'cases.csv', 'w', newline='',
                  encoding='utf-8') as file:
            writer = csv.DictWriter(file, _columns(rows[0]))
            writer.writeheader()
            writer.writerows(map(_columns, rows))
        (partial / 'summary.json').write_text(json.dumps(summary, indent=2))
        (partial / 'report.md').write_text(_markdown(summary, overlays),
                                           encoding='utf-8')
        for name, picture in overlays.items():
            imsave(partial / 'overlays' / f'{name}.png', picture)
        if folder.exists():
            folder.rename(replaced)
        partial.rename(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    shutil.rmtree(replaced, ignore_errors=True)
    return folder


def _columns(row: CaseScore) -> dict:
    """A row of ``cases.csv``: the scores are columns like the others."""
    columns = asdict(row)
    scores = columns.pop('scores')
    return columns | scores


def _markdown(summary: dict, overlays: Sequence[str]) -> str:
    protocol = summary['protocol']
    lines = [
        f'# {summary["task"]}', '',
        f'> {summary["note"]}' if summary['note'] else '', '',
        *_score_table(summary), '', *_score_list(protocol), '',
        f"Split '{protocol['split']}', protocol '{protocol['name']}': "
        f'{protocol["slices"]} slices; {protocol["averaging"]}. Labels with '
        f'under {protocol["min_volume_voxels"]} voxels in a block are not '
        f'scored. {protocol["empty"].capitalize()}. Prompt, the same for all '
        f'methods: {protocol["prompt"]}{_box_text(protocol["box_shift_px"])}.',
        '', '## Labels', '', *_label_table(summary['labels']), '',
        '## Overlays', '',
        'The best, the median and the worst volume by DSC, of this model or '
        'of the report that `--overlays-of` named.', '',
    ]
    for name in overlays:
        lines += [f'{name.capitalize()}:', '',
                  f'![{name}](overlays/{name}.png)', '']
    facts = {**summary['provenance'], **summary['versions'],
             'created': summary['created']}
    lines += ['## Made with', '', *(f'- {k}: {v}' for k, v in facts.items())]
    return '\n'.join(lines) + '\n'


def _score_table(summary: dict) -> List[str]:
    """Means, and with several draws of the prompts their spread."""
    protocol, scores = summary['protocol'], summary['scores']
    units = {name: score['unit'] for name, score in protocol['scores'].items()}
    titles = [f'{name} ({unit})' for name, unit in units.items()]
    lines = [f'| method | {" | ".join(titles)} | n |',
             '|---|' + '---:|' * (len(titles) + 1)]
    for method, mean in scores.items():
        spread = summary['spread'].get(method, {})
        cells = [format_score(name, mean[name]) +
                 (f' ± {format_score(name, spread[name])}' if spread else '')
                 for name in units]
        lines.append(f'| {METHODS[method]} | {" | ".join(cells)} | '
                     f'{mean["n"]} |')
    if summary['spread']:
        lines += ['', f'±: standard deviation over {protocol["draws"]} draws '
                  'of the prompts.']
    return lines


def _score_list(protocol: dict) -> List[str]:
    """What each score is."""
    lines = []
    for name, score in protocol['scores'].items():
        at = (f', tolerance {protocol["tolerance"]:g} {protocol["unit"]}'
              if name == 'NSD' else '')
        lines.append(f'- {name}: {score["title"]}{at}, of {score["of"]}; '
                     f'ideal {score["ideal"]:g}')
    return lines


def _label_table(labels: Sequence[dict]) -> List[str]:
    methods = list(labels[0]['scores'])
    names = [name for name in labels[0]['scores'][methods[0]] if name != 'n']
    columns = [f'{METHODS[m]} {name}' for m in methods for name in names]
    lines = [f'| label | n | {" | ".join(columns)} |',
             '|---|' + '---:|' * (len(columns) + 1)]
    for entry in labels:
        cells = [format_score(name, entry['scores'][m][name])
                 for m in methods for name in names]
        count = entry['scores'][methods[0]]['n']
        lines.append(f'| {entry["label"]} | {count} | {" | ".join(cells)} |')
    return lines


def _box_text(shift_px: Sequence[float]) -> str:
    """How far the boxes' sides were found outside the tight box."""
    if not any(shift_px):
        return ''
    low, high = shift_px
    return f' (sides {low:g} to {high:g} px outside the tight box)'
