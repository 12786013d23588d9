"""LiteMedSAM's image encoder, to be run stage by stage."""

import re
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from mmpretrain.models.backbones.tinyvit import (
    ConvBN2d,
    MBConvBlock,
    PatchMerging,
    TinyViTBlock,
)
from mmpretrain.models.utils import LayerNorm2d
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.ops import fused
from mmdbsam.registry import MODELS

# The names of weights in the released checkpoint, and in mmpretrain.
_OFFICIAL_NAMES = ((r'^patch_embed\.seq\.', 'patch_embed.'),
                   (r'\.c\.weight$', '.conv2d.weight'),
                   (r'\.bn\.', '.bn2d.'),
                   (r'^neck\.', 'channel_reduction.'))


def _from_official(name: str) -> str:
    for pattern, replacement in _OFFICIAL_NAMES:
        name = re.sub(pattern, replacement, name)
    return name


class _ConvNorm(nn.Module):
    """A convolution and its batch norm, joined in evaluation mode.

    A norm in evaluation mode, which is the mode that frozen norms are always
    in, only scales and shifts. The kernel and a bias can do that without
    another pass over the maps.

    Args:
        parts: The convolution and norm of mmpretrain, whose parameters are
            taken over under the same names.
    """

    def __init__(self, parts: ConvBN2d) -> None:
        super().__init__()
        self.conv2d = parts.conv2d
        self.bn2d = parts.bn2d

    def forward(self, x: Tensor) -> Tensor:
        """Convolve and normalise, from (B, C, h, w) to (B, C', h', w')."""
        conv = self.conv2d
        if self.bn2d.training:
            return self.bn2d(conv(x))
        return F.conv2d(x, *self.joined(), conv.stride, conv.padding,
                        conv.dilation, conv.groups)

    def joined(self) -> fused.Affine:
        """The convolution's weight and bias with the norm in them."""
        norm = self.bn2d
        scale = norm.weight * (norm.running_var + norm.eps).rsqrt()
        return fused.Affine(self.conv2d.weight * scale[:, None, None, None],
                            norm.bias - norm.running_mean * scale)


def _join_norms(parent: nn.Module) -> None:
    """Replace each :class:`ConvBN2d` below a module."""
    for name, child in parent.named_children():
        if isinstance(child, ConvBN2d):
            setattr(parent, name, _ConvNorm(child))
        else:
            _join_norms(child)


class _WindowAttention(nn.Module):
    """Attention within windows, with a learned bias for each distance.

    The parameters are those of mmpretrain's ``LeAttention``, which is not used
    because it keeps a copy of its biases in evaluation mode that goes stale
    when weights are loaded afterwards.
    """

    # The dimension of q, k and v in the projection (..., heads, 3, d).
    qkv_dim = -2

    def __init__(self, channels: int, num_heads: int, window: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.norm = nn.LayerNorm(channels)
        self.qkv = nn.Linear(channels, 3 * channels)
        self.proj = nn.Linear(channels, channels)
        # The released weights number the distances row by row.
        steps = torch.arange(window)
        distance = (steps[:, None] - steps).abs()
        indices = (distance[:, None, :, None] * window
                   + distance[None, :, None, :])
        self.attention_biases = nn.Parameter(
            torch.zeros(num_heads, window * window))
        self.register_buffer('indices', indices.reshape(window**2, -1),
                             persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Let tokens (windows, tokens, C) attend within their windows."""
        windows, tokens, channels = x.shape
        # In the released layout q, k and v of a head follow each other.
        qkv = self.qkv(self.norm(x)).view(windows, tokens, self.num_heads, 3,
                                          -1)
        q, k, v = qkv.permute(3, 0, 2, 1, 4)
        # For such small windows, the attention written out is as fast as
        # torch's fused one in float32, and its backward pass in bfloat16 is 3
        # to 7 times faster.
        scores = (q * q.shape[-1]**-0.5) @ k.mT
        bias = self.attention_biases[:, self.indices]
        x = (scores + bias.to(scores.dtype)).softmax(dim=-1) @ v
        return self.proj(x.transpose(1, 2).reshape(windows, tokens, channels))

    def fused(self, x: Tensor, window: int) -> Tensor:
        """Add attention to a map (B, h, w, C), cut into windows on the way.

        The blocks pad a map with zeros, which the norm turns into its bias;
        queries, keys and values of such a token are always the same.
        """
        qkv = fused.linear(x, fused.affine(self.qkv), self.norm)
        padding = self.qkv(self.norm.bias)
        attended = fused.window_attention(
            qkv, padding, self.attention_biases, self.indices, window)
        return fused.linear(attended, fused.affine(self.proj), residual=x)


class _MBConv(MBConvBlock):
    """TinyViT's convolutional block, on maps (B, h, w, C)."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels, 4, 0.)

    def forward(self, x: Tensor) -> Tensor:
        """Transform a map (B, h, w, C); its shape stays."""
        if not fused.can_fuse(x, self):
            return super().forward(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return fused.inverted_bottleneck(
            x, self.conv1.joined(), self.conv2.joined(), self.conv3.joined(),
            residual=x, activate=True)


class _Block(TinyViTBlock):
    """TinyViT's block, on maps (B, h, w, C) instead of tokens."""

    def __init__(self, channels: int, side: int, num_heads: int,
                 window: int) -> None:
        super().__init__(channels, (side, side), num_heads, window)
        self.attn = _WindowAttention(channels, num_heads, window)

    def forward(self, x: Tensor) -> Tensor:
        """Transform a map (B, h, w, C); its shape stays."""
        if not fused.can_fuse(x, self):
            return super().forward(x.flatten(1, 2)).view(x.shape)
        x = self.attn.fused(x, self.window_size)
        x = fused.depthwise(x, self.local_conv.joined())
        return fused.mlp(x, self.mlp.norm, fused.affine(self.mlp.fc1),
                         fused.affine(self.mlp.fc2), residual=x)


class _Merging(PatchMerging):
    """TinyViT's step between stages, on maps (B, h, w, C)."""

    def __init__(self, side: int, channels: int, out_channels: int,
                 stride: int) -> None:
        super().__init__((side, side), channels, out_channels)
        self.conv2.conv2d.stride = (stride, stride)
        self.out_side = side // stride

    def forward(self, x: Tensor) -> Tensor:
        """Reduce (B, h, w, C) to (B, h / stride, w / stride, C')."""
        if fused.can_fuse(x, self):
            return fused.inverted_bottleneck(
                x, self.conv1.joined(), self.conv2.joined(),
                self.conv3.joined(), self.conv2.conv2d.stride[0])
        tokens = super().forward(x.permute(0, 3, 1, 2))
        return tokens.unflatten(1, (self.out_side, self.out_side))


class _Layer(nn.Module):
    """The blocks of one width, and the step to the next width."""

    def __init__(self, blocks: Sequence[nn.Module],
                 downsample: Optional[nn.Module]) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(blocks)
        self.downsample = downsample


@MODELS.register_module()
class SAMTinyViT(BaseModule):
    """TinyViT (arXiv:2207.10666) as LiteMedSAM has it.

    It differs from mmpretrain's TinyViT in three ways: the kernels of the
    patch embedding are 1x1 and have stride 1, the last step between stages has
    stride 1, and SAM's channel reduction follows at the end. The stages that a
    :class:`DualBranchEncoder` runs are the three attention stages; the
    convolutional stage before them belongs to the embedding. The encoder loads
    the released key names as well as its own.

    Args:
        img_size: Side S of the square input, in pixels.
        widths: Channels of the convolutional stage and of the attention
            stages.
        depths: Number of blocks of each stage.
        strides: Strides of the steps between the stages.
        num_heads: Number of heads of each attention stage.
        window_sizes: Side of the windows of each attention stage, in tokens.
        out_channels: Channels of the embedding.
        frozen: Whether the encoder is frozen. Nothing but the channel
            reduction is then trained, and the rest stays in evaluation mode.
        train_channel_reduction: Whether the channel reduction of a frozen
            encoder is trained.

    Attributes:
        channel_reduction (nn.Module): The module that SAM's own code calls
            the neck. It maps (B, C, h, w) to the embedding (B, 256, h, w).
        out_channels (int): Channels of the embedding.
        stage_widths (list[int]): Channels at the end of each stage.
        stage_strides (list[int]): Pixels of the input that a token stands for
            at the end of each stage.
        out_size (int): Side of the embedding's grid, in tokens.

    Raises:
        InputError: If the strides do not divide ``img_size``.
    """

    def __init__(self,
                 img_size: int = 256,
                 widths: Sequence[int] = (64, 128, 160, 320),
                 depths: Sequence[int] = (2, 2, 6, 2),
                 strides: Sequence[int] = (2, 2, 1),
                 num_heads: Sequence[int] = (4, 5, 10),
                 window_sizes: Sequence[int] = (7, 14, 7),
                 out_channels: int = 256,
                 frozen: bool = True,
                 train_channel_reduction: bool = True,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        self.img_size = (img_size, img_size)
        self.out_channels = out_channels
        self.stage_widths = list(widths[1:])
        self.stage_strides = np.cumprod(strides).tolist()
        self.frozen = frozen
        self.patch_embed = nn.Sequential(ConvBN2d(3, widths[0] // 2),
                                         nn.GELU(),
                                         ConvBN2d(widths[0] // 2, widths[0]))
        side = img_size
        self.layers = nn.ModuleList()
        for i, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            blocks = [
                _Block(width, side, num_heads[i - 1], window_sizes[i - 1])
                if i else _MBConv(width)
                for _ in range(depth)
            ]
            merging = None
            if i < len(strides):
                if side % strides[i]:
                    raise InputError('img_size: expected a multiple of the '
                                     f"strides' product, found {img_size}")
                merging = _Merging(side, width, widths[i + 1], strides[i])
                side = merging.out_side
            self.layers.append(_Layer(blocks, merging))
        self.out_size = side
        _join_norms(self)
        self.channel_reduction = nn.Sequential(
            nn.Conv2d(widths[-1], out_channels, 1, bias=False),
            LayerNorm2d(out_channels, eps=1e-6),
            nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False),
            LayerNorm2d(out_channels, eps=1e-6))
        if frozen:
            for name, parameter in self.named_parameters():
                parameter.requires_grad = (
                    train_channel_reduction
                    and name.startswith('channel_reduction'))

    @property
    def stages(self) -> List[List[nn.Module]]:
        """The blocks of each attention stage, on maps (B, h, w, C).

        The step that leads to a stage is part of its first block.
        """
        stages = [list(layer.blocks) for layer in self.layers[1:]]
        for before, blocks in zip(self.layers[1:-1], stages[1:], strict=True):
            blocks[0] = nn.Sequential(before.downsample, blocks[0])
        return stages

    @staticmethod
    def attention_and_mlp(block: nn.Module) -> Tuple[nn.Module, nn.Module]:
        """The attention and the MLP of a block, for adapters within it."""
        if isinstance(block, nn.Sequential):
            _, block = block
        return block.attn, block.mlp

    def embed(self, images: Tensor) -> Tensor:
        """Run the convolutional stage.

        Args:
            images: The normalised images, (B, 3, S, S).

        Returns:
            Tensor: The map for the attention stages, (B, h, w, C).

        Raises:
            InputError: If the images' side is not ``img_size``.
        """
        if images.shape[-2:] != self.img_size:
            raise InputError(f'images: expected {self.img_size} pixels, '
                             f'found {tuple(images.shape[-2:])}')
        # The attention stages leave their maps in this layout, and
        # convolutions over many channels are faster in it.
        images = images.contiguous(memory_format=torch.channels_last)
        if fused.can_fuse(images, self.patch_embed):
            x = images.permute(0, 2, 3, 1)
            first, _, second = self.patch_embed
            x = fused.linear(x, first.joined(), activate=True)
            x = fused.linear(x, second.joined())
        else:
            x = self.patch_embed(images).permute(0, 2, 3, 1)
        for block in self.layers[0].blocks:
            x = block(x)
        return self.layers[0].downsample(x)

    def forward(self, images: Tensor) -> Tensor:
        """Run LiteMedSAM's encoder, from (B, 3, S, S) to (B, 256, h, w)."""
        x = self.embed(images)
        for blocks in self.stages:
            for block in blocks:
                x = block(x)
        return self.channel_reduction(x.permute(0, 3, 1, 2))

    def train(self, mode: bool = True) -> 'SAMTinyViT':
        """Set the mode; the frozen parts stay in evaluation mode."""
        super().train(mode and not self.frozen)
        self.channel_reduction.train(mode)
        return self

    def _load_from_state_dict(self, state_dict: dict, prefix: str,
                              *args: Any) -> None:
        for key in [k for k in state_dict if k.startswith(prefix)]:
            name = _from_official(key[len(prefix):])
            state_dict[prefix + name] = state_dict.pop(key)
        super()._load_from_state_dict(state_dict, prefix, *args)
