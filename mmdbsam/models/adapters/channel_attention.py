"""The channel attention block of the ViT branch."""

from mmengine.model import BaseModule
from mmpretrain.models.utils import SELayer
from torch import Tensor, nn

from mmdbsam.models.layers import zero_
from mmdbsam.registry import MODELS


@MODELS.register_module()
class ChannelAttention(BaseModule):
    """Channel attention after a frozen block (DB-SAM, section 2.2).

    The block computes ``x + PW1x1(SE(GELU(DW3x3(LN(x)))))``. Its convolutions
    have no biases.

    Args:
        channels: The width C of the ViT branch, filled in by the encoder.
        ratio: The divisor of C that gives the width of the
            squeeze-and-excitation bottleneck.
        zero_init: Whether the block starts as the identity, with a pointwise
            convolution that is zero.
    """

    def __init__(self, channels: int, ratio: int = 4,
                 zero_init: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.depthwise = nn.Conv2d(channels, channels, 3, padding=1,
                                   groups=channels, bias=False)
        self.act = nn.GELU()
        self.squeeze_excitation = SELayer(channels, ratio=ratio)
        self.pointwise = nn.Conv2d(channels, channels, 1, bias=False)
        if zero_init:
            zero_(self.pointwise)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add channel attention to tokens of shape (B, h, w, C)."""
        features = self.norm(tokens).permute(0, 3, 1, 2)
        features = self.act(self.depthwise(features))
        features = self.pointwise(self.squeeze_excitation(features))
        return tokens + features.permute(0, 2, 3, 1)
