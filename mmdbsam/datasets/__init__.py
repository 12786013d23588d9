"""Prepared data sets, their samplers and transforms."""

from mmdbsam.datasets.prompt_slice_dataset import PromptSliceDataset
from mmdbsam.datasets.samplers import EpochKeyedSampler, SampleKey
from mmdbsam.datasets.source_grid import on_source_grid
from mmdbsam.datasets.transforms import (
    AnnotatorPromptsFromMask,
    BoxPromptsFromMask,
    ClickPromptsFromMask,
    LoadSlice,
    PackPromptSample,
    RandomAffine,
    RandomCoarsen,
    RandomFlip,
    RandomWindow,
    ResizeLongestSide,
    VolumeBoxPromptsFromMask,
)
from mmdbsam.io.prepared import PreparedCase, PreparedData

__all__ = [
    'AnnotatorPromptsFromMask', 'BoxPromptsFromMask', 'ClickPromptsFromMask',
    'EpochKeyedSampler', 'LoadSlice', 'PackPromptSample', 'PreparedCase',
    'PreparedData', 'PromptSliceDataset', 'RandomAffine', 'RandomCoarsen',
    'RandomFlip', 'RandomWindow', 'ResizeLongestSide', 'SampleKey',
    'VolumeBoxPromptsFromMask', 'on_source_grid'
]
