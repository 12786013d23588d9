"""Scores of masks, and the metrics that compute them for volumes."""

from mmdbsam.evaluation.baselines import filled_box, inscribed_ellipse
from mmdbsam.evaluation.benchmark_metric import BenchmarkMetric
from mmdbsam.evaluation.case_score import (
    CaseScore,
    draw_spread,
    format_table,
    mean_scores,
)
from mmdbsam.evaluation.mask_pair import MaskPair
from mmdbsam.evaluation.scores import ASSD, DSC, HD95, NSD, RVD, IoU, Score
from mmdbsam.evaluation.semantic_metric import SemanticVolumeMetric
from mmdbsam.evaluation.volume_metric import (
    Evaluation,
    StructureCount,
    VolumeMetric,
)

__all__ = [
    'ASSD', 'DSC', 'HD95', 'NSD', 'RVD', 'BenchmarkMetric', 'CaseScore',
    'Evaluation', 'IoU', 'MaskPair', 'Score', 'SemanticVolumeMetric',
    'StructureCount', 'VolumeMetric', 'draw_spread', 'filled_box',
    'format_table', 'inscribed_ellipse', 'mean_scores',
]
