"""The image encoder that runs the two branches side by side."""

from mmdbsam.models.encoders.dual_branch_encoder import DualBranchEncoder

__all__ = ['DualBranchEncoder']
