"""The channel attention block of the ViT branch."""

from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from mmpretrain.models.utils import SELayer
from torch import Tensor, nn

from mmdbsam.models.layers import init_as_released_, zero_
from mmdbsam.registry import MODELS


@MODELS.register_module()
class ChannelAttention(BaseModule):
    """Channel attention after frozen blocks (DB-SAM, section 2.2).

    It is called ``MbConvBlock`` in the authors' release. The block computes
    ``x + DropPath(PW1x1(SE(GELU(DW3x3(LN(x))))))``, where the depthwise
    convolution brings C to eC channels, and the pointwise one brings them
    back. The activation within SE is GELU, too. No convolution has a bias.

    Args:
        channels: The width C of the ViT branch, filled in by the encoder.
        ratio: The divisor of eC that gives the width of the
            squeeze-and-excitation bottleneck.
        expansion: The number e of channels between the convolutions for each
            channel of the block.
        drop_path: Stochastic depth rate.
        zero_init: Whether the block starts as the identity, with a pointwise
            convolution that is zero.
    """

    def __init__(self,
                 channels: int,
                 ratio: int = 4,
                 expansion: int = 1,
                 drop_path: float = 0.3,
                 zero_init: bool = False) -> None:
        super().__init__()
        hidden = channels * expansion
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.depthwise = nn.Conv2d(channels, hidden, 3, padding=1,
                                   groups=channels, bias=False)
        self.act = nn.GELU()
        self.squeeze_excitation = SELayer(
            hidden, ratio=ratio, bias=False,
            act_cfg=(dict(type='GELU'), dict(type='Sigmoid')))
        self.pointwise = nn.Conv2d(hidden, channels, 1, bias=False)
        self.drop_path = DropPath(drop_path)
        init_as_released_(self)
        if zero_init:
            zero_(self.pointwise)

    def forward(self, tokens: Tensor) -> Tensor:
        """Add channel attention to tokens of shape (B, h, w, C)."""
        features = self.norm(tokens).permute(0, 3, 1, 2)
        features = self.act(self.depthwise(features))
        features = self.pointwise(self.squeeze_excitation(features))
        return tokens + self.drop_path(features.permute(0, 2, 3, 1))
