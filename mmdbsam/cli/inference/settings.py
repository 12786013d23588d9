"""The settings with which the command line segments volumes."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Settings:
    """Settings of a segmentation.

    :meth:`.PromptInferencer.segment_volume` explains them.
    """

    axes: str = 'axial'
    units: str = 'px'
    window: Any = None
    channel: int | None = None
    isotropic: float | None = None
    largest_component: bool = False
    fill_holes: bool = False

    @property
    def plane(self) -> str:
        """The plane of prompts on slices, and of the slices shown."""
        return 'axial' if self.axes == 'all' else self.axes
