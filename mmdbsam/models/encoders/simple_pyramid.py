"""Maps of one stride, brought to the strides of a pyramid."""

from typing import List, Sequence

from mmengine.model import BaseModule
from mmpretrain.models.utils import LayerNorm2d
from torch import Tensor, nn

from mmdbsam.errors import InputError


class SimplePyramid(BaseModule):
    """The simple feature pyramid of ViTDet (arXiv:2203.16527, section 3).

    A map becomes finer by transposed convolutions of stride 2, with a
    LayerNorm and GELU between two of them, and coarser by max pooling. A map
    that has the stride already stays as it is. As in BEiT's pyramid in mmseg,
    each level may come from a map of its own, and keeps its width.

    Args:
        channels: The channels of the map that each level is made from.
        strides: The stride of each of these maps, in pixels of the input.
        out_strides: The stride of each level.

    Raises:
        InputError: If a level is not finer or coarser by a power of 2.
    """

    def __init__(self, channels: Sequence[int], strides: Sequence[int],
                 out_strides: Sequence[int]) -> None:
        super().__init__()
        self.levels = nn.ModuleList(
            _level(width, stride, wanted) for width, stride, wanted
            in zip(channels, strides, out_strides, strict=True))

    def forward(self, maps: Sequence[Tensor]) -> List[Tensor]:
        """Make each level (B, C, h', w') from its map (B, C, h, w)."""
        return [level(one)
                for level, one in zip(self.levels, maps, strict=True)]


def _level(channels: int, stride: int, wanted: int) -> nn.Module:
    finer, coarser = stride // wanted, wanted // stride
    if coarser and stride * coarser == wanted and _is_power_of_2(coarser):
        return (nn.Identity() if coarser == 1
                else nn.MaxPool2d(coarser, coarser))
    if wanted * finer != stride or not _is_power_of_2(finer):
        raise InputError(
            f'strides: expected a power of 2 times or a part of {stride}, '
            f'which is that of the map, found {wanted}')
    layers: List[nn.Module] = []
    for _ in range(finer.bit_length() - 1):
        if layers:
            layers += [LayerNorm2d(channels), nn.GELU()]
        layers.append(nn.ConvTranspose2d(channels, channels, 2, stride=2))
    return nn.Sequential(*layers)


def _is_power_of_2(number: int) -> bool:
    return number > 0 and number & (number - 1) == 0
