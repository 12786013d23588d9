"""Compares reports on the same volumes with each other."""

from mmdbsam.reports.comparison.differences import Difference, compare
from mmdbsam.reports.comparison.most_changed import find_data
from mmdbsam.reports.comparison.pages import write_comparison
from mmdbsam.reports.comparison.pairing import model_names, require_same
from mmdbsam.reports.comparison.verdicts import score_table, verdict

__all__ = [
    'Difference', 'compare', 'find_data', 'model_names', 'require_same',
    'score_table', 'verdict', 'write_comparison',
]
