"""Writes the reports of a test from its metrics."""

from pathlib import Path
from typing import Any, Dict

from mmengine.logging import MMLogger

from mmdbsam.evaluation import (
    BenchmarkMetric,
    Evaluation,
    VolumeMetric,
    format_table,
)
from mmdbsam.io.atomic import require_place
from mmdbsam.reports.report.benchmark import write_benchmark
from mmdbsam.reports.report.folder import (
    require_free_report_dir,
    write_report,
)
from mmdbsam.reports.report.overlays import draw_best_median_worst
from mmdbsam.reports.report.provenance import describe_run
from mmdbsam.reports.report.sessions import draw_strip
from mmdbsam.reports.report.summary import summarize


def require_free_reports(metric: VolumeMetric | BenchmarkMetric,
                         folder: Path) -> None:
    """Make sure, before a test, that its reports can be written.

    Raises:
        InputError: If a folder that a report would replace holds other files,
            or nothing can be written beside it.
    """
    for place in _folders(metric, folder):
        require_place(require_free_report_dir(place))


def write_reports(metric: VolumeMetric | BenchmarkMetric, folder: Path,
                  provenance: Dict[str, Any]) -> None:
    """Write the report of a test, and log where it is.

    Args:
        metric: The metric, after it has computed its scores, on the main
            process. A :class:`.BenchmarkMetric` gives a report for each task,
            in a folder of the task's name, and the tables and the page above
            them.
        folder: The folder to write, see :func:`.require_free_report_dir`.
        provenance: The description of the test, see :func:`.describe_test`.
    """
    for place, one in _folders(metric, folder).items():
        _write_report(place, one.evaluation, provenance)
    if isinstance(metric, BenchmarkMetric):
        write_benchmark(folder.resolve(), metric.planar)
        MMLogger.get_current_instance().info(
            f'Scores of each task: {folder}/index.html')


def _folders(metric: VolumeMetric | BenchmarkMetric, folder: Path
             ) -> Dict[Path, VolumeMetric]:
    """Return each task's metric, by the folder of the task's report."""
    if isinstance(metric, BenchmarkMetric):
        return {folder / name: one for name, one in metric.metrics.items()}
    return {folder: metric}


def _write_report(folder: Path, evaluation: Evaluation,
                  provenance: Dict[str, Any]) -> None:
    data, rows = evaluation.data, evaluation.rows
    protocol = evaluation.protocol
    summary = summarize(
        rows, data.name, data.note, protocol,
        describe_run(dict(provenance, data_root=str(data.root))),
        evaluation.structures)
    pictures = draw_best_median_worst(data, rows, evaluation.predictions)
    if evaluation.sessions:
        pictures['session'] = draw_strip(evaluation)
    folder = write_report(folder, rows, summary, evaluation.predictions,
                          pictures)
    files = sorted(map(str, folder.glob('overlays/*.png')))
    MMLogger.get_current_instance().info('\n'.join([
        f"{data.name}, split '{protocol['split']}', in percent, NSD at "
        f'{protocol["tolerance"]:g} {protocol["unit"]}',
        format_table(summary['scores'], {
            name: score['unit'] for name, score in protocol['scores'].items()
        }),
        f'Report: {folder / "index.html"}', 'Overlays:', *files]))
