"""Low-rank adaptation of a block's queries and values."""

from typing import Tuple

import torch
from torch import Tensor, nn

from mmdbsam.models.adapters.in_block import InBlockAdapter
from mmdbsam.models.layers import zero_
from mmdbsam.registry import MODELS


@MODELS.register_module()
class LoRA(InBlockAdapter):
    """LoRA (arXiv:2106.09685) on q and v, as SAMed has it (arXiv:2304.13785).

    ``q += B_q A_q x`` and ``v += B_v A_v x``, without biases and without a
    scale, starting at zero.

    Three libraries were looked at. ``peft`` and mmpretrain's ``LoRAModel``
    adapt a fused projection as one matrix, k with it, and the former needs
    ``transformers`` and ``accelerate``. ``loralib`` can leave out k, but
    expects q, k and v one after the other, which in TinyViT alternate by
    heads, and adds its update to the frozen weights in evaluation mode, in
    which a frozen encoder always is. All of them rename the weights that
    SAM's checkpoints have.

    Args:
        channels: C, filled in by the encoder.
        rank: r, the rank of the updates.
    """

    def __init__(self, channels: int, rank: int = 4) -> None:
        super().__init__()
        self.query = _low_rank(channels, rank)
        self.value = _low_rank(channels, rank)

    def attach(self, attention: nn.Module, mlp: nn.Module) -> None:
        """Add to the attention's projection."""
        self.num_heads = attention.num_heads
        self.qkv_dim = attention.qkv_dim
        attention.qkv.register_forward_hook(self._update)

    def _update(self, projection: nn.Module, inputs: Tuple[Tensor],
                qkv: Tensor) -> Tensor:
        """(..., 3 C), given ``inputs`` of (..., C)."""
        query, value = (
            part(inputs[0]).unflatten(-1, (self.num_heads, -1))
            for part in (self.query, self.value))
        update = torch.stack([query, torch.zeros_like(query), value],
                             dim=self.qkv_dim)
        return qkv + update.flatten(-3)


def _low_rank(channels: int, rank: int) -> nn.Sequential:
    """B A: C -> r -> C."""
    layers = nn.Sequential(nn.Linear(channels, rank, bias=False),
                           nn.Linear(rank, channels, bias=False))
    zero_(layers[-1])
    return layers
