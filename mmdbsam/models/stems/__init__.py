"""Stems, which make the convolutional branch's levels from the image."""

from mmdbsam.models.stems.conv_stem import ConvStem
from mmdbsam.models.stems.large_kernel_stem import LargeKernelStem

__all__ = ['ConvStem', 'LargeKernelStem']
