"""Stems: how the convolutional branch sees the image."""

from mmdbsam.models.stems.conv_stem import ConvStem
from mmdbsam.models.stems.large_kernel_stem import LargeKernelStem

__all__ = ['ConvStem', 'LargeKernelStem']
