"""Adapters, trained layers after or within the ViT branch's frozen blocks."""

from mmdbsam.models.adapters.bottleneck_adapter import BottleneckAdapter
from mmdbsam.models.adapters.channel_attention import ChannelAttention
from mmdbsam.models.adapters.lora import LoRA

__all__ = ['BottleneckAdapter', 'ChannelAttention', 'LoRA']
