"""Prepared data sets, their samplers and transforms."""

from mmdbsam.datasets.prompt_slice_dataset import PromptSliceDataset
from mmdbsam.datasets.samplers import (
    EpochKeyedSampler,
    MixtureSampler,
    SampleKey,
)
from mmdbsam.datasets.semantic_slice_dataset import SemanticSliceDataset
from mmdbsam.datasets.slice_dataset import SliceDataset
from mmdbsam.datasets.source_grid import on_source_grid
from mmdbsam.datasets.transforms import (
    AnnotatorPromptsFromMask,
    BoxPromptsFromMask,
    ClassMapFromLabels,
    ClickPromptsFromMask,
    LoadImage,
    LoadSlice,
    PackPromptSample,
    PackSemanticSample,
    RandomAffine,
    RandomCoarsen,
    RandomCropToClass,
    RandomFlip,
    RandomNoise,
    RandomWindow,
    ResizeLongestSide,
    VolumeBoxPromptsFromMask,
)
from mmdbsam.io.prepared import PreparedCase, PreparedData

__all__ = [
    'AnnotatorPromptsFromMask', 'BoxPromptsFromMask', 'ClassMapFromLabels',
    'ClickPromptsFromMask', 'EpochKeyedSampler', 'LoadImage', 'LoadSlice',
    'MixtureSampler', 'PackPromptSample', 'PackSemanticSample',
    'PreparedCase', 'PreparedData', 'PromptSliceDataset', 'RandomAffine',
    'RandomCoarsen', 'RandomCropToClass', 'RandomFlip', 'RandomNoise',
    'RandomWindow', 'ResizeLongestSide', 'SampleKey', 'SemanticSliceDataset',
    'SliceDataset', 'VolumeBoxPromptsFromMask', 'on_source_grid'
]
