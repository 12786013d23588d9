"""The convolutional stem (LFIP0 in the authors' release)."""

import math
from typing import List, Sequence

import torch
import torch.nn.functional as F
from mmcv.cnn import ConvModule
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.models.layers import init_as_released_
from mmdbsam.registry import MODELS


def conv_pairs(in_channels: int, widths: Sequence[int], num_strided: int,
               norm_cfg: dict) -> List[ConvModule]:
    """Build pairs of a 3x3 and a 1x1 convolution.

    Args:
        in_channels: Channels of the input.
        widths: Channels of each pair.
        num_strided: Number of pairs, from the first on, whose 3x3 convolution
            has stride 2.
        norm_cfg: Config of the norm after each convolution.

    Returns:
        list[ConvModule]: The convolutions, two for each width.
    """
    layers = []
    for i, width in enumerate(widths):
        stride = 2 if i < num_strided else 1
        layers += [
            ConvModule(in_channels, width, 3, stride=stride, padding=1,
                       norm_cfg=norm_cfg),
            ConvModule(width, width, 1, norm_cfg=norm_cfg),
        ]
        in_channels = width
    return layers


class _StemLevel(BaseModule):
    """Convolutions, a 1x1 convolution to C channels, and maybe a LayerNorm.

    The output is (B, h, w, C).
    """

    def __init__(self, convs: Sequence[ConvModule], channels: int,
                 with_norm: bool) -> None:
        super().__init__()
        self.convs = nn.Sequential(*convs)
        self.project = nn.Conv2d(convs[-1].out_channels, channels, 1,
                                 bias=False)
        self.norm = (nn.LayerNorm(channels, eps=1e-6) if with_norm else
                     nn.Identity())

    def forward(self, image: Tensor) -> Tensor:
        features = self.project(self.convs(image))
        return self.norm(features.permute(0, 2, 3, 1))


def image_pyramid(images: Tensor, octaves: Sequence[int],
                  resize: str) -> List[Tensor]:
    """Make an image pyramid.

    Args:
        images: The images, (B, 3, S, S).
        octaves: The octaves o of the pyramid's images, whose side is S / 2^o.
        resize: See :class:`ConvStem`.

    Returns:
        list[Tensor]: The images of the octaves, (B, 3, S / 2^o, S / 2^o).
    """
    side = images.shape[-1]
    if resize == 'mean':
        return [F.avg_pool2d(images, 2**octave) for octave in octaves]
    return [F.interpolate(images, (side // 2**octave, side // 2**octave),
                          mode='bilinear', antialias=resize == 'antialias')
            for octave in octaves]


@MODELS.register_module()
class ConvStem(BaseModule):
    """Four feature levels from an image pyramid (DB-SAM, section 2.3).

    It is called ``LFIP0`` in the authors' release. Level k = 1..L sees the
    image at side S / 2^k. All levels end at stride ``out_stride``: as many of
    a level's first 3x3 convolutions have stride 2 as it takes to get there. A
    learned level embedding, which starts at zero, is added to each.

    Args:
        channels: The width C of the convolutional branch.
        out_stride: The stride S / h of the ViT branch's grid, in pixels.
        num_levels: The number L of levels, at most log2 of ``out_stride``.
        widths: Channels of the pairs of a 3x3 and a 1x1 convolution.
        norm_cfg: Config of the norm after each convolution. The authors'
            release uses SyncBN, which BN becomes in distributed runs
            (``sync_bn='torch'``).
        resize: The way in which the pyramid's images are made from the full
            one. 'mean' takes the mean of 2^k x 2^k pixels; 'bilinear' samples
            them, which aliases; 'antialias' weights them by a triangle of
            twice that width. The release calls torchvision's ``Resize``,
            which is 'bilinear' up to torchvision 0.16 and 'antialias' from
            0.17 on.

    Raises:
        InputError: If ``resize`` is none of these.
        InputError: If the pyramid would be coarser than ``out_stride``, or
            if it has fewer pairs of convolutions than level 1 needs strides.
    """

    # Level 1 sees the image at side S / 2^first_octave.
    first_octave = 1
    # Whether a LayerNorm ends each level.
    with_norm = True

    def __init__(self,
                 channels: int = 768,
                 out_stride: int = 16,
                 num_levels: int = 4,
                 widths: Sequence[int] = (128, 256, 512),
                 norm_cfg: dict = dict(type='BN', momentum=0.01),
                 resize: str = 'mean') -> None:
        super().__init__()
        if resize not in ('mean', 'bilinear', 'antialias'):
            raise InputError("stem.resize: expected 'mean', 'bilinear' or "
                             f"'antialias', found '{resize}'")
        octaves = int(math.log2(out_stride))
        if not 1 <= num_levels <= octaves:
            raise InputError(f'num_levels: expected 1 to {octaves} at an '
                             f'out_stride of {out_stride}, found {num_levels}')
        if len(widths) < octaves - 1:
            raise InputError(f'widths: expected at least {octaves - 1} for an '
                             f'out_stride of {out_stride}, found {widths}')
        self.channels = channels
        self.num_levels = num_levels
        self.resize = resize
        self.octaves = range(self.first_octave,
                             self.first_octave + num_levels)
        self.levels = nn.ModuleList(
            _StemLevel(self._convs(octave, octaves, widths, norm_cfg),
                       channels, self.with_norm)
            for octave in self.octaves)
        self.level_embedding = nn.Parameter(torch.zeros(num_levels, channels))
        init_as_released_(self)

    def forward(self, images: Tensor) -> List[Tensor]:
        """Make L levels (B, h, w, C) from images (B, 3, S, S)."""
        pyramid = image_pyramid(images, self.octaves, self.resize)
        return [level(image) + embedding for level, image, embedding
                in zip(self.levels, pyramid, self.level_embedding,
                       strict=True)]

    def _convs(self, octave: int, octaves: int, widths: Sequence[int],
               norm_cfg: dict) -> List[ConvModule]:
        """The convolutions from side S / 2^octave to side S / 2^octaves."""
        return conv_pairs(3, widths, octaves - octave, norm_cfg)
