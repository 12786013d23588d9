"""The transforms of a slice of a prepared case into a prompted sample."""

from mmdbsam.datasets.transforms.annotator_prompts import (
    AnnotatorPromptsFromMask,
)
from mmdbsam.datasets.transforms.augmentation import (
    RandomAffine,
    RandomCoarsen,
    RandomNoise,
    RandomWindow,
)
from mmdbsam.datasets.transforms.click_prompts import ClickPromptsFromMask
from mmdbsam.datasets.transforms.formatting import PackPromptSample
from mmdbsam.datasets.transforms.geometric import RandomFlip, ResizeLongestSide
from mmdbsam.datasets.transforms.loading import LoadImage, LoadSlice
from mmdbsam.datasets.transforms.prompts import BoxPromptsFromMask
from mmdbsam.datasets.transforms.semantic import (
    ClassMapFromLabels,
    PackSemanticSample,
    RandomCropToClass,
)
from mmdbsam.datasets.transforms.volume_prompts import VolumeBoxPromptsFromMask

__all__ = [
    'AnnotatorPromptsFromMask', 'BoxPromptsFromMask', 'ClassMapFromLabels',
    'ClickPromptsFromMask', 'LoadImage', 'LoadSlice', 'PackPromptSample',
    'PackSemanticSample', 'RandomAffine', 'RandomCoarsen',
    'RandomCropToClass', 'RandomFlip', 'RandomNoise', 'RandomWindow',
    'ResizeLongestSide',
    'VolumeBoxPromptsFromMask'
]
