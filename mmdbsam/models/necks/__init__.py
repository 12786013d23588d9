"""Necks, by which the two branches exchange features after a stage."""

from mmdbsam.models.necks.bilateral_cross_attention import (
    BilateralCrossAttention,
)
from mmdbsam.models.necks.pyramid_self_attention import PyramidSelfAttention

__all__ = ['BilateralCrossAttention', 'PyramidSelfAttention']
