"""What stands between an image of 8 bits and an exported model, and after."""

import json
from dataclasses import asdict, dataclass
from typing import Any, Dict, Optional, Sequence, Tuple

import cv2
import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.resizing import resize_longest_side


@dataclass(frozen=True)
class Preprocessing:
    """How images become the encoder's input, and logits become masks.

    It is what the test pipeline and the data preprocessor do, in numpy: the
    input is the same to the bit. The files of an exported model hold it as
    JSON.

    Attributes:
        image_size: S, the side of the padded input in pixels. The longest
            side of an image is resized to it: averaged over areas to shrink,
            interpolated linearly to enlarge.
        normalisation: ``'mean_std'`` per channel, or ``'min_max'``, each
            image to [0, 1] by its own minimum and maximum.
        mean: Per channel, of RGB values in 0-255; None for ``'min_max'``.
        std: Likewise.
        padding: Where the normalised image is filled up with zeros to S x S:
            ``'bottom_right'``.
        mask_threshold: A mask is where the logits exceed it.
        modality: What the model was trained on, as ``'CT'``; None if its
            config does not say.
        window: How intensities become 8 bits: ``level`` and ``width`` of a
            linear grey-value window, or ``lower`` and ``upper``, percentiles
            of a volume's non-zero voxels that bound it; one, or one for each
            of three channels; empty if the config does not say.
        windows_8_bits: Whether images of 8 bits pass the window too; else
            they are taken as they are.
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
        """The text that the files hold, with where they come from."""
        return json.dumps(dict(asdict(self), **provenance))

    @classmethod
    def from_json(cls, text: str) -> Tuple['Preprocessing', Dict[str, Any]]:
        """The inverse of :meth:`to_json`.

        Raises:
            InputError: If a key is missing, or a rule is unknown.
        """
        provenance = json.loads(text)
        try:
            found = cls(**{key: provenance.pop(key)
                           for key in cls.__dataclass_fields__})
        except KeyError as error:
            raise InputError(f'metadata: expected the key {error}, found '
                             'none') from error
        if (found.normalisation not in ('mean_std', 'min_max')
                or found.padding != 'bottom_right'):
            raise InputError(
                'metadata: expected the normalisation mean_std or min_max and '
                f'the padding bottom_right, found {found.normalisation} and '
                f'{found.padding}')
        return found, provenance

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """The encoder's input.

        Args:
            image: uint8 (H, W), or RGB (H, W, 3).

        Returns:
            float32 (3, S, S).
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
        """Masks on the image, as ``PromptSegmentor.to_masks`` makes them.

        Args:
            logits: float32 (n, M, 4h, 4w).
            resized: (height, width) of the image in the input.
            shape: (H, W) of the image.

        Returns:
            bool (n, M, H, W).
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
