"""The convolutional stem with a large kernel (LFIP6 in the release)."""

from typing import List, Sequence

from mmcv.cnn import ConvModule

from mmdbsam.errors import InputError
from mmdbsam.models.stems.conv_stem import ConvStem, conv_pairs
from mmdbsam.registry import MODELS


@MODELS.register_module()
class LargeKernelStem(ConvStem):
    """A pyramid that begins with the full image and a 7x7 convolution.

    It is called ``LFIP6`` in the authors' release. Each level sees an image
    twice as large as in :class:`ConvStem`, and none ends with a LayerNorm.

    Level 1 sees the full image through a 7x7 convolution of stride 4, which
    has the first width. Pairs of a 3x3 and a 1x1 convolution, which have the
    other widths, follow. Level k > 1 sees the image at side S / 2^(k-1)
    through such pairs alone. Where these are too few for the strides that the
    level needs, a 3x3 convolution of stride 2 comes first, which has the first
    width.

    The 7x7 convolution is padded by 1, as in the release. Its grid is then one
    row and column short, which the next stride makes up for. At an
    ``out_stride`` of 4 no stride follows, and the padding is 3. The arguments
    are those of :class:`ConvStem`.

    Raises:
        InputError: If ``out_stride`` is below 4, the stride of the 7x7
            convolution, or in the cases of :class:`ConvStem`.
    """

    first_octave = 0
    with_norm = False

    def _convs(self, octave: int, octaves: int, widths: Sequence[int],
               norm_cfg: dict) -> List[ConvModule]:
        first, *others = widths
        strides = octaves - octave
        if octave == 0:
            if octaves < 2:
                raise InputError('out_stride: expected at least 4, the stride '
                                 'of the 7x7 convolution, found '
                                 f'{2**octaves}')
            strides -= 2
            convs = [ConvModule(3, first, 7, stride=4,
                                padding=1 if strides else 3,
                                norm_cfg=norm_cfg)]
        elif strides > len(others):
            strides -= 1
            convs = [ConvModule(3, first, 3, stride=2, padding=1,
                                norm_cfg=norm_cfg)]
        else:
            convs = []
        in_channels = first if convs else 3
        return convs + conv_pairs(in_channels, others, strides, norm_cfg)
