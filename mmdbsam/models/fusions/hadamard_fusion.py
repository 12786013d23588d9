"""The ViT-conv fusion with a gate from the branches' product."""

from typing import List, Optional

import torch
from mmcv.cnn import build_norm_layer
from torch import Tensor, nn

from mmdbsam.models.fusions.joined_levels_fusion import JoinedLevelsFusion
from mmdbsam.models.layers import Conv1x1
from mmdbsam.registry import MODELS


@MODELS.register_module()
class HadamardFusion(JoinedLevelsFusion):
    """A gate from the product of the branches chooses between them.

    It is called ``HadamardProduct`` in the authors' release. With ``f_conv``
    the 1x1-convolved concatenation of the convolutional levels::

        g = sigmoid(BN(W(W_q f_vit * W_k f_conv)))      per pixel and channel
        f = g * f_vit + (1 - g) * f_conv

    Args:
        vit_channels: Width C of the ViT branch. The encoder fills this in,
            and the next two.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
        norm_cfg: Config of the norm in the gate.
        zero_init: Whether the fusion starts as the identity on the ViT
            branch. As a sigmoid cannot be one, 1 - g is then scaled by a
            learned factor per channel that starts at zero.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 norm_cfg: dict = dict(type='BN'),
                 zero_init: bool = False) -> None:
        super().__init__(vit_channels, conv_channels, num_levels)
        channels = vit_channels
        self.query = Conv1x1(channels, channels)
        self.key = Conv1x1(channels, channels)
        self.mix = Conv1x1(channels, channels)
        self.norm = build_norm_layer(norm_cfg, channels)[1]
        self.gate_scale: Optional[nn.Parameter] = None
        if zero_init:
            self.gate_scale = nn.Parameter(torch.zeros(channels))

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Fuse the branches.

        Args:
            vit: The features of the ViT branch, (B, h, w, C).
            conv: The levels of the convolutional branch, (B, h, w, C_conv).

        Returns:
            Tensor: The fused features, (B, h, w, C).
        """
        f_conv = self.join(conv)
        gate = self.mix(self.query(vit) * self.key(f_conv))
        gate = self.norm(gate.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        rest = 1 - gate.sigmoid()
        if self.gate_scale is not None:
            rest = rest * self.gate_scale
        return (1 - rest) * vit + rest * f_conv
