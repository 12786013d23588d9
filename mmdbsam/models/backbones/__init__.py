"""Frozen image encoders that can be run stage by stage."""

from mmdbsam.models.backbones.sam_tiny_vit import SAMTinyViT
from mmdbsam.models.backbones.sam_vit import SAMViT

__all__ = ['SAMTinyViT', 'SAMViT']
