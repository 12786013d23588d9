"""The ViT-conv fusion by addition."""

from typing import List

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.models.layers import zero_
from mmdbsam.registry import MODELS


@MODELS.register_module()
class SumFusion(BaseModule):
    """``f = f_vit + f_conv``, as ``Add`` in the authors' release.

    ``f_conv`` is the 1x1-convolved concatenation of the convolutional levels.

    Args:
        vit_channels: C, filled in by the encoder.
        conv_channels: Width of the convolutional branch, likewise.
        num_levels: Its number of levels, likewise.
        zero_init: Start as the identity on the ViT branch: the 1x1
            convolution is zero.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 zero_init: bool = False) -> None:
        super().__init__()
        self.conv_project = nn.Linear(num_levels * conv_channels,
                                      vit_channels)
        if zero_init:
            zero_(self.conv_project)

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Fuse (B, h, w, C) with levels of (B, h, w, C_conv).

        Returns:
            Tensor: (B, h, w, C).
        """
        return vit + self.conv_project(torch.cat(conv, dim=-1))
