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
from mmdbsam.datasets.transforms.loading import LoadSlice
from mmdbsam.datasets.transforms.prompts import BoxPromptsFromMask
from mmdbsam.datasets.transforms.volume_prompts import VolumeBoxPromptsFromMask

__all__ = [
    'AnnotatorPromptsFromMask', 'BoxPromptsFromMask', 'ClickPromptsFromMask',
    'LoadSlice', 'PackPromptSample', 'RandomAffine', 'RandomCoarsen',
    'RandomFlip', 'RandomNoise', 'RandomWindow', 'ResizeLongestSide',
    'VolumeBoxPromptsFromMask'
]
