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

    The updates are ``q += B_q A_q x`` and ``v += B_v A_v x``. They have no
    biases and no scale, and they start at zero.

    Three libraries were considered. ``peft`` and mmpretrain's ``LoRAModel``
    adapt a fused projection as one matrix, and so adapt k as well; ``peft``
    also needs ``transformers`` and ``accelerate``. ``loralib`` can leave out
    k, but it expects q, k and v one after the other, whereas in TinyViT they
    alternate by heads. It also adds its update to the frozen weights in
    evaluation mode, which is the mode that a frozen encoder is always in. All
    of them rename the weights in SAM's checkpoints.

    Args:
        channels: The width C of the block, filled in by the encoder.
        rank: The rank r of the updates.
    """

    def __init__(self, channels: int, rank: int = 4) -> None:
        super().__init__()
        self.query = _low_rank(channels, rank)
        self.value = _low_rank(channels, rank)

    def attach(self, attention: nn.Module, mlp: nn.Module) -> None:
        """Add the updates to the output of the attention's projection."""
        self.num_heads = attention.num_heads
        self.qkv_dim = attention.qkv_dim
        attention.qkv.register_forward_hook(self._update)

    def _update(self, projection: nn.Module, inputs: Tuple[Tensor],
                qkv: Tensor) -> Tensor:
        """The updated ``qkv`` (..., 3 C), given ``inputs`` of (..., C)."""
        query, value = (
            part(inputs[0]).unflatten(-1, (self.num_heads, -1))
            for part in (self.query, self.value))
        update = torch.stack([query, torch.zeros_like(query), value],
                             dim=self.qkv_dim)
        return qkv + update.flatten(-3)


def _low_rank(channels: int, rank: int) -> nn.Sequential:
    """The product B A, from C to r and back to C channels."""
    layers = nn.Sequential(nn.Linear(channels, rank, bias=False),
                           nn.Linear(rank, channels, bias=False))
    zero_(layers[-1])
    return layers
