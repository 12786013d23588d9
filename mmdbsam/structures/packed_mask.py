"""Masks in little memory."""

from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np

from mmdbsam.geometry.boxes import bounding_box


@dataclass(frozen=True)
class PackedMask:
    """A mask cropped to its bounding box, with one bit a pixel.

    The mask may have any number of dimensions.

    Attributes:
        corner: The index of the crop's first pixel; zeros for an empty mask.
        shape: The shape of the crop; zeros for an empty mask.
        bits: The crop as ``np.packbits`` packs it, uint8.
    """

    corner: Tuple[int, ...]
    shape: Tuple[int, ...]
    bits: np.ndarray

    @classmethod
    def pack(cls, mask: np.ndarray) -> 'PackedMask':
        """Pack a bool mask."""
        where = bounding_box(mask) or (slice(0, 0), ) * mask.ndim
        crop = mask[where]
        return cls(tuple(part.start for part in where), crop.shape,
                   np.packbits(crop))

    @property
    def where(self) -> Tuple[slice, ...]:
        """The crop's place in the mask that was packed."""
        return tuple(slice(start, start + length) for start, length
                     in zip(self.corner, self.shape, strict=True))

    def crop(self) -> np.ndarray:
        """The mask within :attr:`where`, bool."""
        count = int(np.prod(self.shape))
        return np.unpackbits(self.bits, count=count).reshape(
            self.shape).astype(bool)

    def count(self) -> int:
        """The number of true pixels."""
        return int(np.count_nonzero(self.crop()))

    def whole(self, shape: Sequence[int]) -> np.ndarray:
        """The mask in the shape that it was packed from, bool."""
        canvas = np.zeros(shape, bool)
        canvas[self.where] = self.crop()
        return canvas

    def paste(self, canvas: np.ndarray, origin: Sequence[int]) -> None:
        """Write the crop into a part of its image that holds all of it.

        Args:
            canvas: A bool array, which is written in place.
            origin: The index in the image of the canvas's first pixel.
        """
        start = np.subtract(self.corner, origin)
        canvas[tuple(map(slice, start, start + self.shape))] = self.crop()
