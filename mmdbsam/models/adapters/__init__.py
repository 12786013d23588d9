"""Adapters: what stands after the frozen blocks of the ViT branch, or within.
"""

from mmdbsam.models.adapters.bottleneck_adapter import BottleneckAdapter
from mmdbsam.models.adapters.channel_attention import ChannelAttention
from mmdbsam.models.adapters.lora import LoRA

__all__ = ['BottleneckAdapter', 'ChannelAttention', 'LoRA']
