"""The exchange between the two branches at the end of a stage."""

from typing import List, Optional, Tuple

from mmengine.model import BaseModule
from torch import Tensor

from mmdbsam.models.layers import (
    DeformableCrossAttention,
    to_levels,
    to_tokens,
)
from mmdbsam.registry import MODELS


@MODELS.register_module()
class BilateralCrossAttention(BaseModule):
    """Deformable cross-attention in both directions (DB-SAM, section 2.4).

    Both directions read the features from before the exchange.

    Args:
        vit_channels: Width of the ViT branch at this stage. The encoder fills
            this in, and the next four.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
        update_vit: Whether the ViT branch is updated. The encoder turns this
            off where nothing reads the branch afterwards.
        update_conv: The same for the convolutional branch.
        num_heads: Number of attention heads.
        num_points: Number of sampling points per head and level.
        expansion: Hidden widths of the ConvFFNs, as multiples of their
            branches' widths.
        dropout: Dropout rate.
        drop_path: Stochastic depth rate.
        zero_init: Whether the exchange starts by leaving the ViT branch, which
            the frozen blocks go on to read, as it is. The convolutional
            branch, which they never see, keeps its initialisation, so that it
            learns from the second step on.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 update_vit: bool = True,
                 update_conv: bool = True,
                 num_heads: int = 12,
                 num_points: int = 4,
                 expansion: float = 4.,
                 dropout: float = 0.1,
                 drop_path: float = 0.3,
                 zero_init: bool = False) -> None:
        super().__init__()
        shared = dict(num_heads=num_heads, num_points=num_points,
                      expansion=expansion, dropout=dropout,
                      drop_path=drop_path)
        self.vit_reads_conv: Optional[DeformableCrossAttention] = None
        if update_vit:
            self.vit_reads_conv = DeformableCrossAttention(
                vit_channels, conv_channels, num_levels, zero_init=zero_init,
                **shared)
        self.conv_reads_vit: Optional[DeformableCrossAttention] = None
        if update_conv:
            self.conv_reads_vit = DeformableCrossAttention(
                conv_channels, vit_channels, 1, zero_init=False, **shared)

    def forward(self, vit: Tensor,
                conv: List[Tensor]) -> Tuple[Tensor, List[Tensor]]:
        """Exchange features.

        Args:
            vit: The features of the ViT branch, (B, h, w, C_vit).
            conv: The levels of the convolutional branch, (B, h_k, w_k,
                C_conv).

        Returns:
            tuple: The updated ``vit`` and ``conv``, of the same shapes.
        """
        vit_shapes = [tuple(vit.shape[1:3])]
        conv_shapes = [tuple(level.shape[1:3]) for level in conv]
        vit_tokens, conv_tokens = to_tokens([vit]), to_tokens(conv)
        if self.vit_reads_conv is not None:
            new_vit = self.vit_reads_conv(vit_tokens, vit_shapes,
                                          conv_tokens, conv_shapes)
            vit, = to_levels(new_vit, vit_shapes)
        if self.conv_reads_vit is not None:
            new_conv = self.conv_reads_vit(conv_tokens, conv_shapes,
                                           vit_tokens, vit_shapes)
            conv = to_levels(new_conv, conv_shapes)
        return vit, conv
