"""Multi-scale deformable attention and its backends."""

from mmdbsam.ops.ms_deform_attention import (
    MSDeformAttention,
    pixel_centre_references,
)
from mmdbsam.ops.multi_scale_deformable_attn import multi_scale_deformable_attn
from mmdbsam.ops.selection import available_backends

__all__ = [
    'MSDeformAttention',
    'available_backends',
    'multi_scale_deformable_attn',
    'pixel_centre_references',
]
