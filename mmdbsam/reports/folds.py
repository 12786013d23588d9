"""One report of the tests of all folds, in which each patient counts once."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Dict, List

from mmdbsam.errors import InputError
from mmdbsam.evaluation.predictions import Predictions
from mmdbsam.io.prepared import PreparedData
from mmdbsam.reports.report.benchmark import write_benchmark
from mmdbsam.reports.report.folder import (
    Report,
    read_report,
    require_free_report_dir,
    write_report,
)
from mmdbsam.reports.report.overlays import draw_best_median_worst
from mmdbsam.reports.report.predictions import load_predictions
from mmdbsam.reports.report.provenance import describe_run
from mmdbsam.reports.report.summary import summarize

# What differs between the protocols of folds.
_OWN = ('split', 'box_shift_px')


def pool_folds(folders: Sequence[Path], dest: Path) -> Path:
    """Pool the out-of-fold scores of a cross-validation into one report.

    The rows and predictions are those of the folds' reports as they are. The
    intervals are made by drawing patients.

    Args:
        folders: The folders of the folds' reports.
        dest: The folder to write. With several data sets, it holds a report
            for each, in a folder of its name, and the tables above them.

    Returns:
        Path: The folder, absolute.

    Raises:
        InputError: If a report is missing, if two have the same case, or if
            the folds were not tested in the same way.
    """
    tasks: Dict[str, List[Path]] = {}
    for folder in folders:
        for place in _task_folders(folder):
            tasks.setdefault('' if place == folder else place.name,
                             []).append(place)
    patients = {name: _pool([read_report(place) for place in places],
                            dest / name)
                for name, places in tasks.items()}
    if '' not in tasks:
        planar = {name: read_report(dest / name).summary['protocol'][
            'per_slice'] for name in tasks}
        write_benchmark(dest.resolve(), planar, patients)
    return dest.resolve()


def _task_folders(folder: Path) -> List[Path]:
    """The folder of a test's report, or those of its tasks' reports."""
    if (folder / 'cases.csv').is_file():
        return [folder]
    found = sorted(path.parent for path in folder.glob('*/cases.csv'))
    if not found or not (folder / 'summary.json').is_file():
        raise InputError(f'{folder}: expected the report of a fold, found '
                         'none')
    return found


def _pool(reports: Sequence[Report], dest: Path) -> Dict[str, str]:
    """Write the report of one data set, and return its cases' patients."""
    first = reports[0]
    for report in reports[1:]:
        _require_alike(first, report)
    _require_distinct(reports)
    data = PreparedData(first.summary['provenance']['data_root'])
    rows = [row for report in reports for row in report.rows]
    patients = {name: data.case(name).patient
                for name in {row.case for row in rows}}
    predictions: Predictions = {}
    for report in reports:
        predictions |= load_predictions(report.folder / 'predictions.npz')
    summary = summarize(rows, first.summary['task'], first.summary['note'],
                        _protocol(reports), describe_run(_provenance(reports)),
                        patients=patients)
    write_report(require_free_report_dir(dest), rows, summary, predictions,
                 draw_best_median_worst(data, rows, predictions))
    return patients


def _require_alike(first: Report, other: Report) -> None:
    for key in ('task', 'note', 'protocol'):
        expected, found = (_shared(report.summary[key])
                           for report in (first, other))
        if expected != found:
            raise InputError(f'{other.folder}: {key}: expected {expected!r} '
                             f'as in {first.folder}, found {found!r}')


def _shared(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    return {key: one for key, one in value.items() if key not in _OWN}


def _require_distinct(reports: Sequence[Report]) -> None:
    """Make sure that each case was tested in one fold only."""
    found: Dict[str, Path] = {}
    for report in reports:
        for case in {row.case for row in report.rows}:
            if case in found:
                raise InputError(
                    f'{report.folder}: expected cases of one fold each, found '
                    f"'{case}', which is also in {found[case]}")
        found |= {row.case: report.folder for row in report.rows}


def _protocol(reports: Sequence[Report]) -> Dict[str, Any]:
    """The folds' protocol, with all of their splits and boxes."""
    every = [report.summary['protocol'] for report in reports]
    shifts = [one['box_shift_px'] for one in every if one['box_shift_px']]
    return dict(every[0], split=', '.join(one['split'] for one in every),
                box_shift_px=[min(low for low, _ in shifts),
                              max(high for _, high in shifts)]
                if shifts else [])


def _provenance(reports: Sequence[Report]) -> Dict[str, Any]:
    """What the folds were tested with; each has a checkpoint of its own."""
    every = [report.summary['provenance'] for report in reports]
    return dict(
        every[0], checkpoint=[one['checkpoint'] for one in every],
        checkpoint_sha256=[one['checkpoint_sha256'] for one in every],
        wall_time_s=round(sum(one['wall_time_s'] for one in every), 1))
