"""The convolutional stem with a large kernel (LFIP6 in the release)."""

from typing import List, Sequence

from mmcv.cnn import ConvModule

from mmdbsam.errors import InputError
from mmdbsam.models.stems.conv_stem import ConvStem, conv_pairs
from mmdbsam.registry import MODELS


@MODELS.register_module()
class LargeKernelStem(ConvStem):
    """A pyramid that begins with the full image and a 7x7 convolution.

    Each level sees an image twice as large as in :class:`ConvStem`. Level 1
    sees the full image through a 7x7 convolution of stride 4, which has the
    first width, and through pairs of a 3x3 and a 1x1 convolution, which have
    the others. Level k > 1 sees the image at side S / 2^(k-1) through such
    pairs alone. Everything else, the arguments included, is as in
    :class:`ConvStem`, so that the two stems differ only in how they see the
    image.

    The authors' release (LFIP6) has no LayerNorm at the end and one pair less
    in its small levels. It pads the 7x7 convolution by 1, which does not fit
    every grid; here the padding is 3.

    Raises:
        InputError: If ``out_stride`` is below 4, the stride of the 7x7
            convolution, or in the cases of :class:`ConvStem`.
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
