"""Put reports on the same volumes side by side.

``python tools/analysis_tools/compare_reports.py REPORT REPORT ... --out DIR``
prints their scores with the baselines', and writes them as comparison.md with
comparison.png, which shows the same volumes for each. Let the reports show
the same ones: ``tools/test.py ... --overlays-of REPORT``.
"""

import argparse
import json
import os
import tempfile
from pathlib import Path
from typing import Dict, List

import numpy as np
from matplotlib.image import imread, imsave

from mmdbsam.errors import InputError, run_cli
from mmdbsam.evaluation.label_volume import METHODS


def read_summary(report: Path) -> dict:
    """A report's summary.

    Raises:
        InputError: If there is none.
    """
    path = report / 'summary.json'
    try:
        return json.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: expected a report's summary, found "
                         f'{type(error).__name__}: {error}') from error


def require_same(reports: List[Path], summaries: List[dict]) -> None:
    """Refuse to compare what was not measured alike.

    Raises:
        InputError: If data, protocol, baselines or pictures differ.
    """
    def facts(summary: dict) -> dict:
        baselines = {method: scores for method, scores
                     in summary['scores'].items() if method != 'model'}
        return dict(summary['protocol'], task=summary['task'],
                    rows=summary['rows'], baselines=baselines,
                    overlays=summary['overlays'])

    first = facts(summaries[0])
    for report, summary in zip(reports, summaries, strict=True):
        for key, found in facts(summary).items():
            if found != first.get(key):
                raise InputError(f'{report}: {key}: expected '
                                 f'{first.get(key)!r} as in {reports[0]}, '
                                 f'found {found!r}')


def score_table(summaries: List[dict]) -> str:
    """The baselines and each report's model, as a markdown table."""
    protocol = summaries[0]['protocol']
    rows = {METHODS[method]: scores for method, scores
            in summaries[0]['scores'].items() if method != 'model'}
    for summary in summaries:
        rows[model_name(summary)] = summary['scores']['model']
    width = max(map(len, rows))
    nsd = f'NSD ({protocol["tolerance"]:g} {protocol["unit"]})'
    lines = [f'| {"":<{width}} |    DSC | {nsd} |    n |',
             f'|{"-" * (width + 2)}|-------:|{"-" * (len(nsd) + 1)}:|-----:|']
    lines += [f'| {name:<{width}} | {100 * scores["DSC"]:>6.2f} | '
              f'{100 * scores["NSD"]:>{len(nsd)}.2f} | {scores["n"]:>4} |'
              for name, scores in rows.items()]
    return '\n'.join(lines)


def model_name(summary: dict) -> str:
    """What a report calls its model: its config's name."""
    return Path(summary['provenance']['config']).stem


def picture(reports: List[Path], names: List[str]) -> np.ndarray:
    """A row a volume, a column a report: uint8 (h, w, 3)."""
    rows = [np.hstack([imread(report / f'overlays/{name}.png')[::2, ::2, :3]
                       for report in reports]) for name in names]
    return (255 * np.vstack(rows)).round().astype(np.uint8)


def write(folder: Path, text: str, image: np.ndarray) -> Dict[str, Path]:
    """Write both files, each under a temporary name first."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = {name: folder / f'comparison.{name}' for name in ('md', 'png')}
    with tempfile.TemporaryDirectory(dir=folder) as staging:
        Path(staging, 'md').write_text(text)
        imsave(Path(staging, 'png'), image, format='png')
        for name, path in paths.items():
            os.replace(Path(staging, name), path)
    return paths


def main() -> None:
    """Compare the reports that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('reports', nargs='+', type=Path, metavar='REPORT')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    args = parser.parse_args()
    summaries = [read_summary(report) for report in args.reports]
    require_same(args.reports, summaries)
    table = score_table(summaries)
    names = list(summaries[0]['overlays'])
    columns = ', '.join(map(model_name, summaries))
    note = summaries[0]['note']
    paths = write(
        args.out, f'# {summaries[0]["task"]}\n\n> {note}\n\n{table}\n\nRows: '
        f'{", ".join(names)}. Columns: {columns}.\n\n'
        '![The same volumes for each model](comparison.png)\n',
        picture(args.reports, names))
    print(f'{summaries[0]["task"]}: {note}\n\n{table}\n')
    for path in paths.values():
        print(path)


if __name__ == '__main__':
    run_cli(main)
