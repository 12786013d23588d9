"""The report of an evaluation: a folder to read, to plot and to publish."""

from mmdbsam.reports.report.evaluations import (
    require_free_reports,
    write_reports,
)
from mmdbsam.reports.report.folder import Report, read_report, write_report
from mmdbsam.reports.report.provenance import describe_run, describe_test
from mmdbsam.reports.report.summary import summarize

__all__ = [
    'Report', 'describe_run', 'describe_test', 'read_report',
    'require_free_reports', 'summarize', 'write_report', 'write_reports',
]
