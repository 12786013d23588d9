"""The ViT-conv fusion by concatenation."""

from typing import List

import torch
from torch import Tensor, nn

from mmdbsam.models.adapters import ChannelAttention
from mmdbsam.models.fusions.joined_levels_fusion import JoinedLevelsFusion
from mmdbsam.models.layers import Conv1x1
from mmdbsam.registry import MODELS


@MODELS.register_module()
class ConcatFusion(JoinedLevelsFusion):
    """A concatenation, a 1x1 convolution and a channel attention block.

    It is called ``ConcatAggregationBlock`` in the authors' release. With
    ``f_conv`` the 1x1-convolved concatenation of the convolutional levels, the
    fusion is ``ChannelAttention(Conv1x1([f_vit, f_conv]))``.

    Args:
        vit_channels: Width C of the ViT branch. The encoder fills this in,
            and the next two.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
        expansion: The number of channels within the channel attention block,
            as a multiple of C.
        zero_init: Whether the fusion starts as the identity on the ViT
            branch: the convolution copies that branch, and the channel
            attention block adds zero.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 expansion: int = 4,
                 zero_init: bool = False) -> None:
        super().__init__(vit_channels, conv_channels, num_levels)
        self.project = Conv1x1(2 * vit_channels, vit_channels)
        self.channel_attention = ChannelAttention(
            vit_channels, expansion=expansion, drop_path=0.,
            zero_init=zero_init)
        if zero_init:
            # Ones where the ViT branch, which comes first, meets its output.
            nn.init.eye_(self.project.weight)

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Fuse the branches.

        Args:
            vit: The features of the ViT branch, (B, h, w, C).
            conv: The levels of the convolutional branch, (B, h, w, C_conv).

        Returns:
            Tensor: The fused features, (B, h, w, C).
        """
        fused = self.project(torch.cat([vit, self.join(conv)], dim=-1))
        return self.channel_attention(fused)
