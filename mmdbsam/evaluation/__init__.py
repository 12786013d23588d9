"""Scores, the metric that computes them for volumes, and its report."""

from mmdbsam.evaluation.baselines import filled_box, inscribed_ellipse
from mmdbsam.evaluation.benchmark_metric import BenchmarkMetric
from mmdbsam.evaluation.case_score import CaseScore, format_table, mean_scores
from mmdbsam.evaluation.report import write_report
from mmdbsam.evaluation.scores import dice, normalized_surface_dice
from mmdbsam.evaluation.volume_metric import VolumeMetric

__all__ = [
    'BenchmarkMetric', 'CaseScore', 'VolumeMetric', 'dice', 'filled_box',
    'format_table', 'inscribed_ellipse', 'mean_scores',
    'normalized_surface_dice', 'write_report',
]
