"""Masks kept small."""

from dataclasses import dataclass
from typing import Sequence, Tuple

import numpy as np

from mmdbsam.geometry.boxes import bounding_box


@dataclass(frozen=True)
class PackedMask:
    """A mask of any dimension, cropped to its bounding box, one bit a pixel.

    Attributes:
        corner: Index of the crop's first pixel; zeros for an empty mask.
        shape: The crop's; zeros for an empty mask.
        bits: uint8, the crop as ``np.packbits`` gives it.
    """

    corner: Tuple[int, ...]
    shape: Tuple[int, ...]
    bits: np.ndarray

    @classmethod
    def pack(cls, mask: np.ndarray) -> 'PackedMask':
        """Keep a bool mask."""
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

    def paste(self, canvas: np.ndarray, origin: Sequence[int]) -> None:
        """Write the crop into a part of its image that holds all of it.

        Args:
            canvas: bool, written in place.
            origin: Index, in the image, of the canvas's first pixel.
        """
        start = np.subtract(self.corner, origin)
        canvas[tuple(map(slice, start, start + self.shape))] = self.crop()
