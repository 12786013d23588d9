"""Fusions: how the two branches become one embedding."""

from mmdbsam.models.fusions.selective_fusion import SelectiveFusion

__all__ = ['SelectiveFusion']
