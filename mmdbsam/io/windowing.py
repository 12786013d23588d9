"""The conversion of a scan's intensities to 8 bits."""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from mmdbsam.errors import InputError


@dataclass(frozen=True)
class Window:
    """A linear grey-value window.

    Attributes:
        level: The centre of the window, in the image's units (HU for CT).
        width: The full width of the window, > 0, in the same units.

    Raises:
        InputError: If ``width`` is not positive.
    """

    level: float = 40
    width: float = 400

    def __post_init__(self) -> None:
        if not self.width > 0:
            raise InputError(
                f'window: expected a width > 0, found {self.width:g}')

    def fit(self, values: np.ndarray) -> 'Window':
        """The window itself, which does not depend on the volume."""
        return self

    def apply(self, values: np.ndarray) -> np.ndarray:
        """Map ``level -+ width / 2`` linearly to 0 and 255, clipped.

        Args:
            values: Finite intensities of any shape and number type.

        Returns:
            The values as uint8 of the same shape, rounded to the nearest.
        """
        lowest = self.level - self.width / 2
        scaled = (values.astype(np.float32) - lowest) * (255 / self.width)
        return np.rint(scaled.clip(0, 255)).astype(np.uint8)


@dataclass(frozen=True)
class PercentileWindow:
    """The window between two percentiles of a volume's non-zero voxels.

    It suits modalities whose intensities have no unit, such as MR and
    ultrasound. The rule is MedSAM's (doi:10.1038/s41467-024-44824-z, methods).

    Attributes:
        lower: The percentile that becomes 0.
        upper: The percentile that becomes 255.
    """

    lower: float = 0.5
    upper: float = 99.5

    def fit(self, values: np.ndarray) -> Window:
        """The window of a volume.

        Raises:
            InputError: If the volume's intensities are all the same.
        """
        nonzero = values[values != 0]
        if not nonzero.size:
            raise InputError('expected intensities other than 0, found none')
        low, high = np.percentile(nonzero, (self.lower, self.upper))
        if not high > low:
            raise InputError(
                'expected intensities that differ, found the percentiles '
                f'{self.lower:g} and {self.upper:g} of the non-zero voxels '
                f'both at {low:g}')
        return Window(float(low + high) / 2, float(high - low))


AnyWindow = Window | PercentileWindow

#: This window leaves 8-bit values as they are.
IDENTITY = Window(127.5, 255)
#: Windows for CT, in HU; 'medsam_lung' is MedSAM's.
WINDOWS = {
    'soft_tissue': Window(40, 400),
    'lung': Window(-600, 1500),
    'medsam_lung': Window(-160, 1500),
    'bone': Window(400, 1800),
    'brain': Window(40, 80),
    'percentiles': PercentileWindow(),
}


def default_window(modality: str | None) -> AnyWindow:
    """The default window of a modality, such as ``'CT'``."""
    return Window() if modality == 'CT' else PercentileWindow()


def fit_windows(values: np.ndarray, modality: str | None,
                windows: Sequence[AnyWindow] = ()) -> list[Window]:
    """The one window of an image, or those of its three channels.

    Args:
        values: Intensities (D, H, W), or RGB (D, H, W, 3).
        modality: The image's modality, such as ``'CT'``.
        windows: The wanted windows. Without any, the modality's default is
            used, and 8-bit images stay as they are.

    Raises:
        InputError: If RGB has more than 8 bits or is given a window, or if no
            window fits.
    """
    if not windows and values.dtype == np.uint8:
        return [IDENTITY]
    if values.ndim == 4:
        raise InputError('expected RGB of 8 bits and no window, found '
                         f'{values.dtype}')
    if not windows:
        windows = (default_window(modality), )
    return [window.fit(values) for window in windows]


def to_eight_bits(values: np.ndarray, windows: Sequence[Window]
                  ) -> np.ndarray:
    """Convert an image, or a part of it, to 8 bits with its windows.

    Args:
        values: Intensities of any shape.
        windows: See :func:`fit_windows`.

    Returns:
        The image as uint8 of the same shape, with one more dimension for three
        windows.
    """
    channels = [window.apply(values) for window in windows]
    return np.stack(channels, axis=-1) if len(channels) > 1 else channels[0]


def parse_window(words: list[str]) -> AnyWindow:
    """The window that a name, or a level and a width, stand for.

    Raises:
        InputError: If the words are neither.
    """
    if len(words) == 1 and words[0] in WINDOWS:
        return WINDOWS[words[0]]
    try:
        level, width = map(float, words)
    except ValueError as error:
        raise InputError(f'--window: expected LEVEL WIDTH or one of '
                         f'{", ".join(WINDOWS)}, found {" ".join(words)}'
                         ) from error
    return Window(level, width)


def as_windows(window: Any) -> tuple[AnyWindow, ...]:
    """Grey-value windows as a user writes them.

    Args:
        window: A name of :data:`WINDOWS`, (level, width), a window
            object, or three of these for the channels of an image; None for no
            window.

    Raises:
        InputError: If it is something else.
    """
    if window is None:
        return ()
    if isinstance(window, Sequence) and len(window) == 3 \
            and not isinstance(window, str):
        return tuple(_as_window(one) for one in window)
    return (_as_window(window), )


def _as_window(window: Any) -> AnyWindow:
    if isinstance(window, (Window, PercentileWindow)):
        return window
    if isinstance(window, str) and window in WINDOWS:
        return WINDOWS[window]
    if isinstance(window, Sequence) and len(window) == 2 and all(
            isinstance(x, Real) for x in window):
        return Window(*map(float, window))
    raise InputError('window: expected (level, width) or one of '
                     f'{", ".join(WINDOWS)}, found {window!r}')
