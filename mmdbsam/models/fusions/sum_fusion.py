"""The ViT-conv fusion by addition."""

from typing import List

from torch import Tensor

from mmdbsam.models.fusions.joined_levels_fusion import JoinedLevelsFusion
from mmdbsam.models.layers import zero_
from mmdbsam.registry import MODELS


@MODELS.register_module()
class SumFusion(JoinedLevelsFusion):
    """The sum ``f_vit + f_conv``, which the authors' release calls ``Add``.

    ``f_conv`` is the 1x1-convolved concatenation of the convolutional levels.

    Args:
        vit_channels: Width C of the ViT branch. The encoder fills this in,
            and the next two.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
        zero_init: Whether the fusion starts as the identity on the ViT
            branch, with a 1x1 convolution that is zero.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 zero_init: bool = False) -> None:
        super().__init__(vit_channels, conv_channels, num_levels)
        if zero_init:
            zero_(self.conv_project)

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Fuse the branches.

        Args:
            vit: The features of the ViT branch, (B, h, w, C).
            conv: The levels of the convolutional branch, (B, h, w, C_conv).

        Returns:
            Tensor: The fused features, (B, h, w, C).
        """
        return vit + self.join(conv)
