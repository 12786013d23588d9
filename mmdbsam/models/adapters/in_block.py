"""What adapters that reach into a frozen block have in common."""

from abc import abstractmethod

from mmengine.model import BaseModule
from torch import Tensor, nn


class InBlockAdapter(BaseModule):
    """An adapter that works within a frozen block, by forward hooks.

    So its parameters lie with the other adapters' and not among the ViT's,
    whose names and checkpoints stay those of SAM.
    """

    @abstractmethod
    def attach(self, attention: nn.Module, mlp: nn.Module) -> None:
        """Reach into a block; called once, by the encoder.

        Args:
            attention: Its attention, with the fused projection ``qkv``,
                ``num_heads``, and ``qkv_dim``, the dimension of q, k and v in
                the projection's output when that is unflattened to them,
                heads and channels.
            mlp: Its MLP, without the residual connection.
        """

    def forward(self, tokens: Tensor) -> Tensor:
        """What follows the block: nothing, (B, h, w, C) -> (B, h, w, C)."""
        return tokens
