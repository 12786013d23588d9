"""Necks: how the two branches exchange features after a stage."""

from mmdbsam.models.necks.bilateral_cross_attention import (
    BilateralCrossAttention,
)

__all__ = ['BilateralCrossAttention']
