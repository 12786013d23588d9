"""From an image and prompts to masks."""

from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.apis.propagation import PropagationRule
from mmdbsam.apis.results import SegmentResult, VolumeResult
from mmdbsam.apis.volume_prompts import (
    CoarseLabels,
    SeedBox,
    SeedPoint,
    SliceBoxes,
    VolumeBox,
)

__all__ = [
    'CoarseLabels', 'PromptInferencer', 'PropagationRule', 'SeedBox',
    'SeedPoint', 'SegmentResult', 'SliceBoxes', 'VolumeBox', 'VolumeResult'
]
