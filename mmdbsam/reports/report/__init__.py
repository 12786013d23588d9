"""The report of an evaluation: a folder to read, to plot and to publish."""

from mmdbsam.reports.report.folder import (
    Report,
    read_report,
    require_free_report_dir,
    write_report,
)
from mmdbsam.reports.report.provenance import describe_run, describe_test
from mmdbsam.reports.report.summary import summarize

__all__ = [
    'Report', 'describe_run', 'describe_test', 'read_report',
    'require_free_report_dir', 'summarize', 'write_report',
]
