"""Reports on the same volumes against each other."""

from mmdbsam.evaluation.comparison.differences import Difference, compare
from mmdbsam.evaluation.comparison.most_changed import find_data
from mmdbsam.evaluation.comparison.pages import write_comparison
from mmdbsam.evaluation.comparison.pairing import model_names, require_same
from mmdbsam.evaluation.comparison.verdicts import score_table, verdict

__all__ = [
    'Difference', 'compare', 'find_data', 'model_names', 'require_same',
    'score_table', 'verdict', 'write_comparison',
]
