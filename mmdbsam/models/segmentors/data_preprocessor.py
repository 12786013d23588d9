"""The preprocessing of a loaded batch, which is part of the model."""

from typing import Any, Optional, Sequence, Tuple

import torch.nn.functional as F
from mmengine.model import ImgDataPreprocessor
from mmengine.structures import BaseDataElement, PixelData
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample

# mmseg's losses leave pixels of this class out.
_IGNORED = 255


@MODELS.register_module()
class SAMDataPreProcessor(ImgDataPreprocessor):
    """Normalise with SAM's statistics, then pad to S x S with zeros.

    The padding lies at the bottom and right and is zero after normalisation,
    as in SAM. Reference masks and rough masks are padded in the same way;
    samples of mmsegmentation are told the padding, and their class maps are
    padded with 255, which its losses ignore.

    Args:
        size: The side S of the model's input, in pixels. The segmentor fills
            it in.
        mean: The mean of each RGB channel, for values in 0-255.
        std: The standard deviation of each channel, for the same values.
        any_size: Whether images of any size are padded, to multiples of S, as
            a model wants them that sees crops or slides a window.

    Raises:
        InputError: If an image's longest side is not S.
    """

    def __init__(self,
                 size: int,
                 mean: Optional[Sequence[float]] = (123.675, 116.28, 103.53),
                 std: Optional[Sequence[float]] = (58.395, 57.12, 57.375),
                 any_size: bool = False) -> None:
        # The CPU does not wait for the copy to a GPU.
        super().__init__(mean=mean, std=std, pad_size_divisor=size,
                         non_blocking=True)
        self.size = size
        self.any_size = any_size

    def forward(self, data: dict, training: bool = False) -> dict:
        """Batch the samples of the data loader.

        Args:
            data: A dict of ``inputs``, a list of uint8 images (3, h, w), and
                ``data_samples``.
            training: Ignored; training and testing preprocess alike.

        Returns:
            dict: The ``inputs``, float32 (B, 3, S, S), and the
            ``data_samples``, whose ``gt_instances.masks`` and
            ``prompts.rough_masks`` are (K, S, S).
        """
        for image in data['inputs']:
            if not self.any_size and max(image.shape[-2:]) != self.size:
                raise InputError(
                    'inputs: expected a longest side of '
                    f'{self.size} px, which the model takes, found '
                    f'{tuple(image.shape[-2:])}; give ResizeLongestSide in '
                    'the pipeline this size')
        data = super().forward(data, training)
        for sample in data['data_samples']:
            if not isinstance(sample, PromptDataSample):
                _pad_classes(sample, data['inputs'].shape[-2:])
                continue
            if 'gt_instances' in sample:
                sample.gt_instances.masks = self._pad(
                    sample.gt_instances.masks)
            if 'rough_masks' in sample.get('prompts', ()):
                sample.prompts.rough_masks = self._pad(
                    sample.prompts.rough_masks)
        return data

    def _pad(self, masks: Tensor) -> Tensor:
        h, w = masks.shape[-2:]
        return F.pad(masks, (0, self.size - w, 0, self.size - h))


@MODELS.register_module()
class MinMaxDataPreProcessor(SAMDataPreProcessor):
    """Scale each image to [0, 1], then pad to S x S with zeros.

    This is LiteMedSAM's preprocessing: the minimum of an image becomes 0 and
    its maximum 1.

    Args:
        size: The side S of the model's input, in pixels. The segmentor fills
            it in.
        **options: Further arguments of :class:`SAMDataPreProcessor`.

    Raises:
        InputError: If an image's longest side is not S.
    """

    def __init__(self, size: int, **options: Any) -> None:
        super().__init__(size, mean=None, std=None, **options)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Batch the samples; see :class:`SAMDataPreProcessor`."""
        data = self.cast_data(data)
        inputs = [_min_max(image) for image in data['inputs']]
        return super().forward(dict(data, inputs=inputs), training)


def _min_max(image: Tensor) -> Tensor:
    image = image.float()
    low, high = image.aminmax()
    # A constant image becomes zero.
    return (image - low) / (high - low).clamp(min=1e-8)


def _pad_classes(sample: BaseDataElement, shape: Tuple[int, int]) -> None:
    """Tell a sample of mmsegmentation how its image was padded."""
    below, right = (side - own for side, own
                    in zip(shape, sample.img_shape, strict=True))
    sample.set_metainfo(dict(pad_shape=tuple(shape),
                             img_padding_size=(0, right, 0, below)))
    if 'gt_sem_seg' in sample:
        sample.gt_sem_seg = PixelData(data=F.pad(
            sample.gt_sem_seg.data, (0, right, 0, below), value=_IGNORED))
