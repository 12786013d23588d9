"""The convolutional stem with a large kernel (LFIP6 in the release)."""

from typing import List, Sequence

from mmcv.cnn import ConvModule

from mmdbsam.errors import InputError
from mmdbsam.models.stems.conv_stem import ConvStem, conv_pairs
from mmdbsam.registry import MODELS


@MODELS.register_module()
class LargeKernelStem(ConvStem):
    """A pyramid that begins with the full image and a 7x7 convolution.

    Each level sees an image twice as large as in :class:`ConvStem`: level 1
    the full one, by a 7x7 convolution of stride 4, with the first width, and
    pairs of a 3x3 and a 1x1 convolution with the others; level k > 1 the
    image at side S / 2^(k-1), by such pairs alone. The arguments are those of
    :class:`ConvStem`, and so is what is not said here, so that the two differ
    in how they see the image only.

    The release's LFIP6 has no LayerNorm at the end, one pair less in its
    small levels, and pads the 7x7 convolution by 1, which fits not every
    grid; here it is 3.

    Raises:
        InputError: Also if ``out_stride`` is below the 7x7 convolution's.
    """

    first_octave = 0

    def _convs(self, octave: int, octaves: int, widths: Sequence[int],
               norm_cfg: dict) -> List[ConvModule]:
        if octave:
            return super()._convs(octave, octaves, widths, norm_cfg)
        if octaves < 2:
            raise InputError('out_stride: expected at least 4, the stride of '
                             f'the 7x7 convolution, found {2**octaves}')
        return [
            ConvModule(3, widths[0], 7, stride=4, padding=3,
                       norm_cfg=norm_cfg),
            *conv_pairs(widths[0], widths[1:], octaves - 2, norm_cfg),
        ]
