"""The calls that turn an image and prompts into masks."""

from mmdbsam.apis.inference import inference_model
from mmdbsam.apis.inferencer import PromptInferencer
from mmdbsam.apis.model_zoo import get_model, init_model, list_models
from mmdbsam.apis.semantic_inferencer import SemanticInferencer
from mmdbsam.apis.volume.prompts import (
    CoarseLabels,
    Lasso,
    Scribble,
    SeedBox,
    SeedPoint,
    SliceBoxes,
    VolumeBox,
)
from mmdbsam.apis.volume.propagation import PropagationRule
from mmdbsam.apis.volume.session import VolumeSession
from mmdbsam.structures.results import SegmentResult, VolumeResult

__all__ = [
    'CoarseLabels', 'Lasso', 'PromptInferencer', 'PropagationRule',
    'Scribble', 'SeedBox', 'SeedPoint', 'SegmentResult', 'SemanticInferencer',
    'SliceBoxes', 'VolumeBox', 'VolumeResult', 'VolumeSession', 'get_model',
    'inference_model', 'init_model', 'list_models',
]
