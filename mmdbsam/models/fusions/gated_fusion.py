"""The ViT-conv fusion of the paper, with a gate that selects the branch."""

from typing import List, Optional

import torch
from mmcv.cnn.bricks import DropPath
from torch import Tensor, nn

from mmdbsam.models.fusions.joined_levels_fusion import JoinedLevelsFusion
from mmdbsam.models.layers import (
    bottleneck_score,
    init_as_released_,
    pre_norm_mlp,
    zero_,
)
from mmdbsam.registry import MODELS


@MODELS.register_module()
class GatedFusion(JoinedLevelsFusion):
    """A gate per pixel and channel chooses the branch (DB-SAM, section 2.5).

    It is called ``DANE`` in the authors' release. With C the ViT branch's
    width and ``f_conv`` the 1x1-convolved concatenation of the convolutional
    levels::

        spatial = Linear_{C->1}(LN(f_conv))                         per pixel
        channel = Linear(LN(SiLU(Linear_{C->C/r}(GAP(f_vit)))))     per channel
        M       = sigmoid(spatial + channel)
        f       = M * f_conv + (1 - M) * f_vit
        f       = f + DropPath(MLP(LN(f)))

    Args:
        vit_channels: Width C of the ViT branch. The encoder fills this in,
            and the next two.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
        reduction: The reduction r of the channel score's bottleneck.
        mlp_ratio: The hidden width of the MLP as a multiple of C.
        drop_path: The stochastic depth rate of the MLP.
        zero_init: Whether the fusion starts as the identity on the ViT
            branch. As a sigmoid cannot be zero, M is then scaled by a learned
            factor per channel that starts at zero, and the MLP's last layer
            is zero.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 reduction: int = 12,
                 mlp_ratio: float = 4.,
                 drop_path: float = 0.3,
                 zero_init: bool = False) -> None:
        super().__init__(vit_channels, conv_channels, num_levels)
        channels = vit_channels
        self.spatial_score = self._build_spatial_score(channels, reduction)
        self.channel_score = bottleneck_score(channels, reduction)
        self.mlp = pre_norm_mlp(channels, mlp_ratio)
        self.drop_path = DropPath(drop_path)
        init_as_released_(self)
        self.gate_scale: Optional[nn.Parameter] = None
        if zero_init:
            self.gate_scale = nn.Parameter(torch.zeros(channels))
            zero_(self.mlp[-1])

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Fuse the branches.

        Args:
            vit: The features of the ViT branch, (B, h, w, C).
            conv: The levels of the convolutional branch, (B, h, w, C_conv).

        Returns:
            Tensor: The fused features, (B, h, w, C).
        """
        f_conv = self.join(conv)
        gate = self._score(vit, f_conv).sigmoid()
        if self.gate_scale is not None:
            gate = gate * self.gate_scale
        fused = gate * f_conv + (1 - gate) * vit
        return fused + self.drop_path(self.mlp(fused))

    def _build_spatial_score(self, channels: int,
                             reduction: int) -> nn.Module:
        """The layers that score ``f_conv``."""
        return nn.Sequential(nn.LayerNorm(channels),
                             nn.Linear(channels, 1, bias=False))

    def _score(self, vit: Tensor, f_conv: Tensor) -> Tensor:
        """The logits of the gate M, (B, h, w, C)."""
        channel = self.channel_score(vit.mean(dim=(1, 2)))
        return self.spatial_score(f_conv) + channel[:, None, None]
