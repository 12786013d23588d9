"""The base class of adapters that reach into a frozen block."""

from abc import abstractmethod

from mmengine.model import BaseModule
from torch import Tensor, nn


class InBlockAdapter(BaseModule):
    """An adapter that works within a frozen block, by forward hooks.

    Its parameters therefore lie with those of the other adapters and not
    among the ViT's, whose names and checkpoints stay those of SAM.
    """

    @abstractmethod
    def attach(self, attention: nn.Module, mlp: nn.Module) -> None:
        """Reach into a block; the encoder calls this once.

        Args:
            attention: The attention of the block. It has the fused projection
                ``qkv``, the number of heads ``num_heads``, and ``qkv_dim``,
                the dimension of q, k and v once the projection's output is
                unflattened into these three, heads and channels.
            mlp: The MLP of the block, without the residual connection.
        """

    def forward(self, tokens: Tensor) -> Tensor:
        """Return the tokens (B, h, w, C) as they are.

        The adapter has done its work within the block.
        """
        return tokens
