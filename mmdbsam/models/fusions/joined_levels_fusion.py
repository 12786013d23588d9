"""The base class of fusions that read the convolutional levels as one map."""

from typing import List

import torch
from mmengine.model import BaseModule
from torch import Tensor

from mmdbsam.models.layers import Conv1x1


class JoinedLevelsFusion(BaseModule):
    """Base class of fusions of the ViT branch with one convolutional map.

    That map, ``f_conv`` in the subclasses' equations, is the concatenation of
    the convolutional levels, brought to the ViT branch's width by a 1x1
    convolution.

    Args:
        vit_channels: Width C of the ViT branch.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
    """

    def __init__(self, vit_channels: int, conv_channels: int,
                 num_levels: int) -> None:
        super().__init__()
        self.conv_project = Conv1x1(num_levels * conv_channels, vit_channels)

    def join(self, conv: List[Tensor]) -> Tensor:
        """Join levels (B, h, w, C_conv) into the map ``f_conv`` (B, h, w, C).
        """
        return self.conv_project(torch.cat(conv, dim=-1))
