"""The fusion of DB-SAM+, a softmax over all sources."""

from typing import List, Optional

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.models.layers import (
    Conv1x1,
    bottleneck_score,
    init_as_released_,
    pre_norm_mlp,
    zero_,
)
from mmdbsam.registry import MODELS


@MODELS.register_module()
class SoftmaxFusion(BaseModule):
    """A softmax per pixel and channel over the ViT and every conv level.

    It is called ``MultiConvFeatsDANE`` in the authors' release
    (``db_sam_plus``). With the sources ``x_0 = f_vit`` and ``x_1 ... x_L``
    the convolutional levels::

        s_i = Linear(LN(SiLU(Linear_{C->C/r}(x_i))))     each i its own
        f   = sum_i softmax_i(s) * x_i
        f   = f + DropPath(MLP(LN(f)))

    Args:
        vit_channels: Width C of the ViT branch. The encoder fills this in,
            and the next two.
        conv_channels: Width of the convolutional branch; if it is not C, the
            levels are projected to C.
        num_levels: Number L of levels of the convolutional branch.
        reduction: The reduction r of the scores' bottlenecks.
        mlp_ratio: The hidden width of the MLP as a multiple of C.
        drop_path: The stochastic depth rate of the MLP.
        zero_init: Whether the fusion starts as the identity on the ViT
            branch. As a softmax cannot be zero, what it takes from the levels
            is then scaled by a learned factor per channel that starts at
            zero, and the MLP's last layer is zero.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 reduction: int = 12,
                 mlp_ratio: float = 4.,
                 drop_path: float = 0.3,
                 zero_init: bool = False) -> None:
        super().__init__()
        channels = vit_channels
        self.conv_project = (nn.Identity() if conv_channels == channels else
                             Conv1x1(conv_channels, channels))
        self.scores = nn.ModuleList(bottleneck_score(channels, reduction)
                                    for _ in range(1 + num_levels))
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
        sources = [vit, *(self.conv_project(level) for level in conv)]
        scores = torch.stack([score(source) for score, source
                              in zip(self.scores, sources, strict=True)])
        fused = (scores.softmax(dim=0) * torch.stack(sources)).sum(dim=0)
        if self.gate_scale is not None:
            fused = vit + self.gate_scale * (fused - vit)
        return fused + self.drop_path(self.mlp(fused))
