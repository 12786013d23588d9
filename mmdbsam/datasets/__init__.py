"""Prepared data sets, their samplers and transforms."""

from mmdbsam.datasets.prompt_slice_dataset import PromptSliceDataset
from mmdbsam.datasets.samplers import (
    EpochKeyedSampler,
    MixtureSampler,
    SampleKey,
)
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
    RandomNoise,
    RandomWindow,
    ResizeLongestSide,
    VolumeBoxPromptsFromMask,
)
from mmdbsam.io.prepared import PreparedCase, PreparedData

__all__ = [
    'AnnotatorPromptsFromMask', 'BoxPromptsFromMask', 'ClickPromptsFromMask',
    'EpochKeyedSampler', 'LoadSlice', 'MixtureSampler', 'PackPromptSample',
    'PreparedCase', 'PreparedData', 'PromptSliceDataset', 'RandomAffine',
    'RandomCoarsen', 'RandomFlip', 'RandomNoise', 'RandomWindow',
    'ResizeLongestSide', 'SampleKey', 'VolumeBoxPromptsFromMask',
    'on_source_grid'
]
