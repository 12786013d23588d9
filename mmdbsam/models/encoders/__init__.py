"""The image encoder that runs the two branches side by side."""

from mmdbsam.models.encoders.dual_branch_backbone import DualBranchBackbone
from mmdbsam.models.encoders.dual_branch_encoder import DualBranchEncoder
from mmdbsam.models.encoders.output_norm import OutputNorm
from mmdbsam.models.encoders.simple_pyramid import SimplePyramid

__all__ = [
    'DualBranchBackbone', 'DualBranchEncoder', 'OutputNorm', 'SimplePyramid'
]
