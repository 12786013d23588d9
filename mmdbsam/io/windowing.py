"""From a scan's intensities to 8 bits."""

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

    def fit(self, values: np.ndarray) -> 'Window':
        """The window of a volume: this one, whatever the volume."""
        return self

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


@dataclass(frozen=True)
class PercentileWindow:
    """The window between two percentiles of a volume's non-zero voxels.

    For scanners without units: MR, ultrasound. MedSAM's rule
    (doi:10.1038/s41467-024-44824-z, methods).

    Attributes:
        lower: Percentile that becomes 0.
        upper: Percentile that becomes 255.
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

# Leaves values of 8 bits as they are.
IDENTITY = Window(127.5, 255)
# Of CT, in HU; 'medsam_lung' is MedSAM's.
WINDOWS = {
    'soft_tissue': Window(40, 400),
    'lung': Window(-600, 1500),
    'medsam_lung': Window(-160, 1500),
    'bone': Window(400, 1800),
    'brain': Window(40, 80),
    'percentiles': PercentileWindow(),
}


def default_window(modality: str | None) -> AnyWindow:
    """The window of a modality, as ``'CT'``, unless another is asked for."""
    return Window() if modality == 'CT' else PercentileWindow()


def fit_windows(values: np.ndarray, modality: str | None,
                windows: Sequence[AnyWindow] = ()) -> list[Window]:
    """The windows of an image: one, or one for each of three channels.

    Args:
        values: Intensities (D, H, W), or RGB (D, H, W, 3).
        modality: What the image is, as ``'CT'``.
        windows: Those wanted; none for the modality's own, which leave 8 bits
            as they are.

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
    """Of an image or a part of it, with its windows.

    Args:
        values: Intensities of any shape.
        windows: See :func:`fit_windows`.

    Returns:
        uint8 of that shape, with another dimension for three windows.
    """
    channels = [window.apply(values) for window in windows]
    return np.stack(channels, axis=-1) if len(channels) > 1 else channels[0]


def parse_window(words: list[str]) -> AnyWindow:
    """A window's name, or its level and width.

    Raises:
        InputError: If it is neither.
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
        window: A name of :data:`.windowing.WINDOWS`, (level, width), a
            window, or three of these for the channels of an image; None for
            none.

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
