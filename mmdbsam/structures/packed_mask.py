"""Masks kept small."""

from dataclasses import dataclass
from typing import Tuple

import numpy as np

from mmdbsam.geometry.boxes import bounding_box


@dataclass(frozen=True)
class CroppedMask:
    """A mask of any dimension, cropped, one bit a pixel.

    Attributes:
        where: The crop; empty for an empty mask.
        shape: Its shape.
        bits: uint8, the crop as ``np.packbits`` gives it.
    """

    where: Tuple[slice, ...]
    shape: Tuple[int, ...]
    bits: np.ndarray

    @classmethod
    def pack(cls, mask: np.ndarray) -> 'CroppedMask':
        """Keep a bool mask."""
        where = bounding_box(mask) or (slice(0, 0), ) * mask.ndim
        crop = mask[where]
        return cls(where, crop.shape, np.packbits(crop))

    def crop(self) -> np.ndarray:
        """The mask within :attr:`where`, bool."""
        count = int(np.prod(self.shape))
        return np.unpackbits(self.bits, count=count).reshape(
            self.shape).astype(bool)

    def count(self) -> int:
        """The number of true pixels."""
        return int(np.count_nonzero(self.crop()))
