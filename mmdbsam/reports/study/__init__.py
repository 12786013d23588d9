"""Makes the table of a study, and its page."""

from mmdbsam.reports.study.pages import write_tables
from mmdbsam.reports.study.results import collect

__all__ = ['collect', 'write_tables']
