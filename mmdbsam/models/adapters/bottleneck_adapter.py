"""Bottleneck adapters within a block."""

from typing import Tuple

from torch import Tensor, nn

from mmdbsam.models.adapters.in_block import InBlockAdapter
from mmdbsam.models.layers import zero_
from mmdbsam.registry import MODELS


@MODELS.register_module()
class BottleneckAdapter(InBlockAdapter):
    """An adapter after the attention and one beside the MLP.

    This is Med-SA (Medical SAM Adapter, arXiv:2304.12620) for 2-D images.
    The adapter beside the MLP stands where SAM-Med2D (arXiv:2308.16184) has
    its own. With
    ``D(x) = Linear_{rC->C}(GELU(Linear_{C->rC}(x)))``::

        a  = Attention(x)      ->  a + D_1(a)
        m  = MLP(y)            ->  m + s D_2(y)

    where y is what the block gives its MLP. It is normalised in SAM's ViT but
    not in TinyViT, whose MLP normalises its input itself, as in Med-SA on
    MobileSAM.

    Args:
        channels: The width C of the block, filled in by the encoder.
        ratio: The width r of the bottlenecks as a fraction of C.
        scale: The factor s of the adapter beside the MLP.
        zero_init: Whether the adapters start as the identity, with last
            layers that are zero.
    """

    def __init__(self,
                 channels: int,
                 ratio: float = 0.25,
                 scale: float = 0.5,
                 zero_init: bool = False) -> None:
        super().__init__()
        self.scale = scale
        self.after_attention = _bottleneck(channels, ratio, zero_init)
        self.beside_mlp = _bottleneck(channels, ratio, zero_init)

    def attach(self, attention: nn.Module, mlp: nn.Module) -> None:
        """Add the adapters to what the attention and the MLP return."""
        attention.register_forward_hook(self._adapt_attention)
        mlp.register_forward_hook(self._adapt_mlp)

    def extra_repr(self) -> str:
        """The scale, which the printed submodules do not show."""
        return f'scale={self.scale}'

    def _adapt_attention(self, attention: nn.Module, inputs: Tuple[Tensor],
                         output: Tensor) -> Tensor:
        return output + self.after_attention(output)

    def _adapt_mlp(self, mlp: nn.Module, inputs: Tuple[Tensor],
                   output: Tensor) -> Tensor:
        return output + self.scale * self.beside_mlp(inputs[0])


def _bottleneck(channels: int, ratio: float, zero_init: bool
                ) -> nn.Sequential:
    """The bottleneck D, from C to rC and back to C channels."""
    hidden = int(channels * ratio)
    layers = nn.Sequential(nn.Linear(channels, hidden), nn.GELU(),
                           nn.Linear(hidden, channels))
    if zero_init:
        zero_(layers[-1])
    return layers
