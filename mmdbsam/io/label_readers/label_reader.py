"""The interface of readers of labels."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.geometry.grids import Geometry

# Label ids are stored in 16 bits.
HIGHEST_ID = 65535
#: What programs write as white in a mask, which is the highest number of 8 or
#: of 16 bits, the latter with a sign or without.
WHITE = (255, 32767, 65535)


@dataclass(frozen=True)
class LabelMap:
    """Labels that do not overlap.

    Attributes:
        values: A volume of whole numbers >= 0; 0 is background. Its grid is
            that of the image, possibly stored along other axes.
        names: The names of the values that have one, by value.
        partial: Whether the volume may cover only a part of the image's grid.
        others: Further grids that the file states of the same voxels.
        may_be_white: Whether one of :data:`WHITE`, if it is the only value,
            may be how a program writes a mask.
    """

    values: sitk.Image
    names: dict[int, str] = field(default_factory=dict)
    partial: bool = False
    others: tuple[Geometry, ...] = ()
    may_be_white: bool = False


class LabelReader(ABC):
    """Reads labels from one kind of files.

    Args:
        series: The instance UIDs of the wanted DICOM series, where a folder
            holds several.
    """

    def __init__(self, series: Iterable[str] = ()) -> None:
        self.series = tuple(series)

    @abstractmethod
    def case_name(self, path: Path) -> str | None:
        """The case that a path labels; None if the reader cannot read it.
        """

    def names(self, path: Path) -> list[str]:
        """The names that :meth:`read` will give, found without reading voxels.
        """
        return []

    def declared(self, path: Path) -> dict[int, str]:
        """The names by the values that the file itself gives them, if any."""
        return {}

    @abstractmethod
    def read(self, path: Path, grid: Geometry, space: str | None = None
             ) -> Iterator[LabelMap]:
        """Read the labels; those that overlap come in several maps.

        Args:
            path: The file or folder.
            grid: The grid of the image that the file labels.
            space: What identifies the space of the image's positions, see
                :class:`.Place`.

        Raises:
            InputError: If the file is corrupt or does not fit the grid.
        """
