"""The exchange of DB-SAM+, self-attention over both branches."""

from typing import List, Tuple

from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.models.layers import (
    DeformableCrossAttention,
    to_levels,
    to_tokens,
)
from mmdbsam.registry import MODELS


@MODELS.register_module()
class PyramidSelfAttention(BaseModule):
    """Deformable self-attention over the pyramid [vit, conv_1, ..., conv_L].

    It is called ``FourBranchImagePyramidAdapter`` in the authors' release
    (``db_sam_plus``). The 1 + L levels form one sequence of the convolutional
    branch's width, in which every token samples every level. A ViT branch of
    another width is projected, and gets back what the blocks added to it::

        p    = blocks([P vit, conv_1, ..., conv_L])
        vit' = vit + Q (p_0 - P vit)        P, Q: 1 where the widths agree

    Args:
        vit_channels: Width of the ViT branch at this stage. The encoder fills
            this in, and the next four.
        conv_channels: Width of the convolutional branch.
        num_levels: Number L of levels of the convolutional branch.
        update_vit: Whether the ViT branch is updated. The encoder turns this
            off where nothing reads the branch afterwards.
        update_conv: The same for the convolutional branch.
        num_blocks: Number of self-attention blocks, one after the other.
        num_heads: Number of attention heads.
        num_points: Number of sampling points per head and level.
        expansion: Hidden width of the ConvFFNs as a multiple of
            ``conv_channels``.
        dropout: Dropout rate.
        drop_path: Stochastic depth rate.
        zero_init: Whether the exchange starts by leaving both branches, which
            share the blocks, as they are.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 update_vit: bool = True,
                 update_conv: bool = True,
                 num_blocks: int = 2,
                 num_heads: int = 12,
                 num_points: int = 4,
                 expansion: float = 4.,
                 dropout: float = 0.1,
                 drop_path: float = 0.3,
                 zero_init: bool = False) -> None:
        super().__init__()
        self.update_vit = update_vit
        self.update_conv = update_conv
        self.blocks = nn.ModuleList(
            DeformableCrossAttention(
                conv_channels, conv_channels, 1 + num_levels, num_heads,
                num_points, expansion, dropout, drop_path, zero_init)
            for _ in range(num_blocks))
        self.project: nn.Module = nn.Identity()
        self.project_back: nn.Module = nn.Identity()
        if vit_channels != conv_channels:
            self.project = nn.Linear(vit_channels, conv_channels)
            if update_vit:
                self.project_back = nn.Linear(conv_channels, vit_channels,
                                              bias=False)

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
        projected = self.project(vit)
        pyramid = [projected, *conv]
        shapes = [tuple(level.shape[1:3]) for level in pyramid]
        tokens = to_tokens(pyramid)
        for block in self.blocks[:-1]:
            tokens = block(tokens, shapes, tokens, shapes)
        # Only branches that are read afterwards need queries in the last
        # block.
        first = 0 if self.update_vit else 1
        last = len(shapes) if self.update_conv else 1
        queries = to_tokens(to_levels(tokens, shapes)[first:last])
        updated = to_levels(
            self.blocks[-1](queries, shapes[first:last], tokens, shapes),
            shapes[first:last])
        if self.update_vit:
            vit = vit + self.project_back(updated[0] - projected)
        if self.update_conv:
            conv = updated[-len(conv):]
        return vit, conv
