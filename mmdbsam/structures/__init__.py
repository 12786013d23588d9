"""What passes between the parts: samples, masks and results.

``PromptDataSample`` needs torch and is imported from its module where it is
made; masks and results do not.
"""

from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.results import SegmentResult, VolumeResult

__all__ = ['PackedMask', 'SegmentResult', 'VolumeResult']
