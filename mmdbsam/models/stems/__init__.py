"""Stems: how the convolutional branch sees the image."""

from mmdbsam.models.stems.conv_stem import ConvStem

__all__ = ['ConvStem']
