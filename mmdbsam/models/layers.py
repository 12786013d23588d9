"""Layers that several blocks share."""

import math
from typing import List, Sequence, Tuple

import torch
from mmcv.cnn.bricks import DropPath
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.ops import MSDeformAttention, pixel_centre_references

Shapes = Sequence[Tuple[int, int]]


def zero_(linear: nn.Module) -> None:
    """Set a layer's weight and bias to zero, so that it outputs zero."""
    for parameter in linear.parameters(recurse=False):
        nn.init.zeros_(parameter)


class Conv1x1(nn.Linear):
    """A 1x1 convolution of features (..., C), whose channels come last.

    It starts as a convolution of the authors' release does, see
    :func:`init_as_released_`.
    """

    def reset_parameters(self) -> None:
        """Draw the weights anew."""
        nn.init.normal_(self.weight, std=math.sqrt(2 / self.out_features))
        if self.bias is not None:
            nn.init.zeros_(self.bias)


def init_as_released_(block: nn.Module) -> None:
    """Initialise a block as the authors' release does (``_init_weights``).

    The weights of linear layers are normal with a standard deviation of 0.02,
    truncated at 2. Those of convolutions with k x k kernels, C output channels
    and g groups are normal with a standard deviation of sqrt(2 g / (k^2 C)).
    Biases are zero. Norms keep torch's initialisation, and
    :class:`.MSDeformAttention` has its own.

    Args:
        block: The block. What lies in it is initialised, too.
    """
    for module in block.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[:, 0].numel() // module.groups
            nn.init.normal_(module.weight, std=math.sqrt(2 / fan_out))
        # A Conv1x1 has initialised itself.
        elif type(module) is nn.Linear:
            nn.init.trunc_normal_(module.weight, std=0.02)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    for module in block.modules():
        if isinstance(module, MSDeformAttention):
            module.reset_parameters()


def to_tokens(levels: Sequence[Tensor]) -> Tensor:
    """Lay levels (B, h, w, C) one after the other as tokens (B, N, C)."""
    return torch.cat([level.flatten(1, 2) for level in levels], dim=1)


def to_levels(tokens: Tensor, shapes: Shapes) -> List[Tensor]:
    """The inverse of :func:`to_tokens`, for levels of (h, w)."""
    parts = tokens.split([h * w for h, w in shapes], dim=1)
    return [
        part.unflatten(1, shape)
        for part, shape in zip(parts, shapes, strict=True)
    ]


def bottleneck_score(channels: int, reduction: int) -> nn.Sequential:
    """A bottleneck that scores features of C channels, with a reduction r.

    Its layers are Linear C -> C/r, SiLU, LN, and Linear C/r -> C, without
    biases.
    """
    hidden = channels // reduction
    return nn.Sequential(
        nn.Linear(channels, hidden, bias=False), nn.SiLU(),
        nn.LayerNorm(hidden), nn.Linear(hidden, channels, bias=False))


def pre_norm_mlp(channels: int, ratio: float) -> nn.Sequential:
    """An MLP of LN, Linear C -> ratio C, GELU, and Linear ratio C -> C."""
    hidden = int(channels * ratio)
    return nn.Sequential(
        nn.LayerNorm(channels), nn.Linear(channels, hidden), nn.GELU(),
        nn.Linear(hidden, channels))


class ConvFFN(BaseModule):
    """Feed-forward network with a depthwise 3x3 convolution on each level.

    Its layers are Linear C -> eC, depthwise 3x3, GELU, and Linear eC -> C.

    Args:
        channels: Number of channels C.
        expansion: The hidden width e as a multiple of C.
        dropout: Dropout rate after GELU and at the end.
    """

    def __init__(self, channels: int, expansion: float = 4.,
                 dropout: float = 0.) -> None:
        super().__init__()
        hidden = int(channels * expansion)
        self.expand = nn.Linear(channels, hidden)
        self.depthwise = nn.Conv2d(hidden, hidden, 3, padding=1,
                                   groups=hidden)
        self.act = nn.GELU()
        self.project = nn.Linear(hidden, channels)
        self.dropout = nn.Dropout(dropout)

    def forward(self, tokens: Tensor, shapes: Shapes) -> Tensor:
        """Transform tokens (B, N, C) of levels with the given (h, w)."""
        mixed = []
        for level in to_levels(self.expand(tokens), shapes):
            mixed.append(self.depthwise(level.permute(0, 3, 1, 2)))
        hidden = to_tokens([level.permute(0, 2, 3, 1) for level in mixed])
        hidden = self.dropout(self.act(hidden))
        return self.dropout(self.project(hidden))


class DeformableCrossAttention(BaseModule):
    """One branch reads from the other; then comes a ConvFFN.

    Both steps are residual::

        x' = x + DropPath(Dropout(MSDA(query=LN(x), value=LN(source))))
        x'' = x' + DropPath(ConvFFN(LN(x')))

    Args:
        channels: Channels of the branch that reads.
        source_channels: Channels of the branch that is read.
        source_levels: Number of levels of the branch that is read.
        num_heads: Number of attention heads.
        num_points: Number of sampling points per head and level.
        expansion: Hidden width of the ConvFFN as a multiple of ``channels``.
        dropout: Dropout rate.
        drop_path: Stochastic depth rate.
        zero_init: Whether the block starts as the identity, with last layers
            that are zero.
    """

    def __init__(self, channels: int, source_channels: int,
                 source_levels: int, num_heads: int, num_points: int,
                 expansion: float, dropout: float, drop_path: float,
                 zero_init: bool) -> None:
        super().__init__()
        self.query_norm = nn.LayerNorm(channels)
        self.value_norm = nn.LayerNorm(source_channels)
        self.attention = MSDeformAttention(channels, source_channels,
                                           num_heads, source_levels,
                                           num_points)
        self.dropout = nn.Dropout(dropout)
        self.ffn_norm = nn.LayerNorm(channels)
        self.ffn = ConvFFN(channels, expansion, dropout)
        self.drop_path = DropPath(drop_path)
        init_as_released_(self)
        if zero_init:
            zero_(self.attention.output_proj)
            zero_(self.ffn.project)

    def forward(self, tokens: Tensor, shapes: Shapes, source: Tensor,
                source_shapes: Shapes) -> Tensor:
        """Let tokens read from another branch.

        Args:
            tokens: The tokens that read, (B, Q, C).
            shapes: (h, w) of each of their levels; Q is the sum of h * w.
            source: The tokens that are read, (B, N, C_source).
            source_shapes: (h, w) of each of their levels.

        Returns:
            Tensor: The tokens with what they have read, (B, Q, C).
        """
        attended = self.attention(
            self.query_norm(tokens),
            pixel_centre_references(shapes, tokens.device),
            self.value_norm(source), source_shapes)
        tokens = tokens + self.drop_path(self.dropout(attended))
        return tokens + self.drop_path(self.ffn(self.ffn_norm(tokens),
                                                shapes))
