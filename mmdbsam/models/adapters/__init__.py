"""Adapters: what stands after the frozen blocks of the ViT branch."""

from mmdbsam.models.adapters.channel_attention import ChannelAttention

__all__ = ['ChannelAttention']
