"""Turns 8-bit images into an exported model's input, and logits into masks."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Dict, Optional, Sequence, Tuple

import cv2
import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.resizing import resize_longest_side
from mmdbsam.io.json_form import Fields, Values, check_form

_CHANNELS = ([float] * 3, type(None))
_FORM = Fields(dict(
    image_size=int, normalisation=str, mean=_CHANNELS, std=_CHANNELS,
    padding=str, mask_threshold=float, modality=(type(None), str),
    window=[Values(float)], windows_8_bits=bool))
# SAM's own is 1024.
_LARGEST_SIDE = 1 << 14


@dataclass(frozen=True)
class Preprocessing:
    """The steps from images to the encoder's input, and from logits to masks.

    They are those of the test pipeline and of the data preprocessor, in
    numpy, and give the same input to the bit. The files of an exported model
    hold them as JSON.

    Attributes:
        image_size: The side S of the padded input in pixels. The longest side
            of an image is resized to it, by averaging over areas to shrink
            and by linear interpolation to enlarge.
        normalisation: ``'mean_std'``, which standardises each channel, or
            ``'min_max'``, which scales each image to [0, 1] by its own
            minimum and maximum.
        mean: The mean of each channel, for RGB values in 0-255; None for
            ``'min_max'``.
        std: The standard deviation of each channel, in the same units; None
            for ``'min_max'``.
        padding: The sides on which the normalised image is padded with zeros
            to S x S: ``'bottom_right'``.
        mask_threshold: The logit above which a pixel belongs to the mask.
        modality: The modality that the model was trained on, such as
            ``'CT'``; None if its config does not say.
        window: The windows by which intensities become 8 bits, one for all
            channels or one for each of three; empty if the config does not
            say. A window has the ``level`` and ``width`` of a linear
            grey-value window, or its bounds ``lower`` and ``upper`` as
            percentiles of a volume's non-zero voxels.
        windows_8_bits: Whether images of 8 bits pass the window too, instead
            of being taken as they are.
    """

    image_size: int
    normalisation: str
    mean: Optional[Sequence[float]]
    std: Optional[Sequence[float]]
    padding: str = 'bottom_right'
    mask_threshold: float = 0.
    modality: Optional[str] = None
    window: Sequence[Dict[str, float]] = ()
    windows_8_bits: bool = False

    def to_json(self, **provenance: Any) -> str:
        """Write the text that the files hold.

        Args:
            **provenance: Further keys, which say where the files come from.
        """
        return json.dumps(dict(asdict(self), **provenance))

    @classmethod
    def from_json(cls, text: str, where: str
                  ) -> Tuple['Preprocessing', Dict[str, Any]]:
        """Read the text that :meth:`to_json` wrote.

        Args:
            text: The text.
            where: The place of the text, for messages.

        Returns:
            tuple: The preprocessing, and the provenance.

        Raises:
            InputError: If it is not JSON, a key is missing, a value is of
                another type, or the normalisation or the padding is unknown.
        """
        where = f'{where}: metadata'
        try:
            provenance = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f'{where}: expected JSON, found: {error}'
                             ) from error
        check_form(provenance, _FORM, where)
        found = cls(**{key: provenance.pop(key)
                       for key in cls.__dataclass_fields__})
        if not 0 < found.image_size <= _LARGEST_SIDE:
            raise InputError(f'{where}: image_size: expected a side in 1..'
                             f'{_LARGEST_SIDE}, found {found.image_size}')
        if found.normalisation == 'mean_std' and not (
                found.mean and found.std and min(found.std) > 0):
            raise InputError(f'{where}: expected a mean, and a std > 0, of '
                             f'each channel, found {found.mean} and '
                             f'{found.std}')
        if (found.normalisation not in ('mean_std', 'min_max')
                or found.padding != 'bottom_right'):
            raise InputError(
                f'{where}: expected the normalisation mean_std or min_max and '
                f'the padding bottom_right, found {found.normalisation} and '
                f'{found.padding}')
        return found, provenance

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Make the encoder's input.

        Args:
            image: The image, uint8 (H, W), or RGB (H, W, 3).

        Returns:
            np.ndarray: The input, float32 (3, S, S).
        """
        resized = resize_longest_side(image, self.image_size)
        if resized.ndim == 2:
            resized = np.stack([resized] * 3, axis=-1)
        values = resized.transpose(2, 0, 1).astype(np.float32)
        if self.normalisation == 'min_max':
            low, high = values.min(), values.max()
            values = (values - low) / np.maximum(high - low, np.float32(1e-8))
        else:
            mean, std = (np.float32(x)[:, None, None]
                         for x in (self.mean, self.std))
            values = (values - mean) / std
        height, width = values.shape[1:]
        return np.pad(values, ((0, 0), (0, self.image_size - height),
                               (0, self.image_size - width)))

    def masks(self, logits: np.ndarray, resized: Tuple[int, int],
              shape: Tuple[int, int]) -> np.ndarray:
        """Make masks on the image, as ``PromptSegmentor.to_masks`` does.

        Args:
            logits: The logits, float32 (n, M, 4h, 4w).
            resized: The image's size in the input, (height, width).
            shape: The image's own size, (H, W).

        Returns:
            np.ndarray: The masks, bool (n, M, H, W).
        """
        masks = np.empty((*logits.shape[:2], *shape), bool)
        for index in np.ndindex(logits.shape[:2]):
            enlarged = cv2.resize(logits[index], (self.image_size, ) * 2,
                                  interpolation=cv2.INTER_LINEAR)
            cropped = np.ascontiguousarray(
                enlarged[:resized[0], :resized[1]])
            masks[index] = cv2.resize(
                cropped, shape[::-1],
                interpolation=cv2.INTER_LINEAR) > self.mask_threshold
        return masks
