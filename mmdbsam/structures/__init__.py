"""The data that pass between the parts: samples, masks and results.

``PromptDataSample`` needs torch, so the code that makes samples imports it
from its module; masks and results do not need torch.
"""

from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.results import SegmentResult, VolumeResult

__all__ = ['PackedMask', 'SegmentResult', 'VolumeResult']
