"""The CT window: from Hounsfield units to 8 bits."""

from dataclasses import dataclass

import numpy as np

from mmdbsam.errors import InputError


@dataclass(frozen=True)
class Window:
    """A linear grey-value window.

    Attributes:
        level: Its centre, in the image's units (HU for CT).
        width: Its full width, > 0, in the same units.

    Raises:
        InputError: If ``width`` is not positive.
    """

    level: float = 40
    width: float = 400

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise InputError(
                f'window: expected a width > 0, found {self.width:g}')

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Map ``level -+ width / 2`` linearly to 0 and 255, clipped.

        Args:
            values: Intensities of any shape and number type, finite.

        Returns:
            uint8 of the same shape, rounded to the nearest.
        """
        lowest = self.level - self.width / 2
        scaled = (values.astype(np.float32) - lowest) * (255 / self.width)
        return np.rint(scaled.clip(0, 255)).astype(np.uint8)
