"""The channel attention block of the ViT branch."""

from mmengine.model import BaseModule
from mmpretrain.models.utils import SELayer
from torch import Tensor, nn

from mmdbsam.models.layers import zero_
from mmdbsam.registry import MODELS


@MODELS.register_module()
class ChannelAttention(BaseModule):
    """Channel attention after a frozen block (DB-SAM, section 2.2).

    ``x + PW1x1(SE(GELU(DW3x3(LN(x)))))``, without biases in the convolutions.

    Args:
        channels: C, filled in by the encoder.
        ratio: The squeeze-and-excitation bottleneck has C / ratio channels.
        zero_init: Start as the identity: the pointwise convolution is zero.
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
        """(B, h, w, C) -> (B, h, w, C)."""
        features = self.norm(tokens).permute(0, 3, 1, 2)
        features = self.act(self.depthwise(features))
        features = self.pointwise(self.squeeze_excitation(features))
        return tokens + features.permute(0, 2, 3, 1)
