"""The norm on the features that SAM's neck reads."""

from typing import Optional

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.registry import MODELS


@MODELS.register_module()
class OutputNorm(BaseModule):
    """A LayerNorm on the fused features, before SAM's neck.

    The authors' release has it at the end of every adapted encoder
    (``adapter.norm``). SAM's neck was not trained on normalised features, so
    the encoder does not start at SAM's accuracy with it. With ``zero_init``
    it is blended in instead, by a learned factor g per channel::

        x + g (LN(x) - x)

    Args:
        channels: The width C of the features, filled in by the encoder.
        zero_init: Whether g is used, and starts at zero.
    """

    def __init__(self, channels: int, zero_init: bool = False) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(channels)
        self.gate_scale: Optional[nn.Parameter] = None
        if zero_init:
            self.gate_scale = nn.Parameter(torch.zeros(channels))

    def forward(self, tokens: Tensor) -> Tensor:
        """Normalise features (B, h, w, C)."""
        normed = self.norm(tokens)
        if self.gate_scale is None:
            return normed
        return tokens + self.gate_scale * (normed - tokens)
