"""The image encoder that runs the two branches side by side."""

from mmdbsam.models.encoders.dual_branch_encoder import DualBranchEncoder
from mmdbsam.models.encoders.output_norm import OutputNorm

__all__ = ['DualBranchEncoder', 'OutputNorm']
