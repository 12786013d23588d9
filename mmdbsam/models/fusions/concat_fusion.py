"""The ViT-conv fusion by concatenation."""

from typing import List

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.models.adapters import ChannelAttention
from mmdbsam.registry import MODELS


@MODELS.register_module()
class ConcatFusion(BaseModule):
    """A concatenation, a 1x1 convolution and a channel attention block.

    The fusion is ``ChannelAttention(Conv1x1([f_vit, conv_1, ..., conv_L]))``.
    The authors' release (``ConcatAggregationBlock``) first brings the levels
    to C channels by a 1x1 convolution of their own; two such convolutions in
    a row are equal to one.

    Args:
        vit_channels: Width C of the ViT branch. The encoder fills this in,
            and the next two.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
        zero_init: Whether the fusion starts as the identity on the ViT
            branch: the convolution copies that branch, and the channel
            attention block adds zero.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 zero_init: bool = False) -> None:
        super().__init__()
        self.project = nn.Linear(vit_channels + num_levels * conv_channels,
                                 vit_channels)
        self.channel_attention = ChannelAttention(vit_channels,
                                                  zero_init=zero_init)
        if zero_init:
            # Ones where the ViT branch, which comes first, meets its output.
            nn.init.eye_(self.project.weight)
            nn.init.zeros_(self.project.bias)

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Fuse the branches.

        Args:
            vit: The features of the ViT branch, (B, h, w, C).
            conv: The levels of the convolutional branch, (B, h, w, C_conv).

        Returns:
            Tensor: The fused features, (B, h, w, C).
        """
        fused = self.project(torch.cat([vit, *conv], dim=-1))
        return self.channel_attention(fused)
