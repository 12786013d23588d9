"""What a reader of labels does, and how the right one is found."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.geometry.grids import Geometry

# Label ids are kept in 16 bits.
HIGHEST_ID = 65535


@dataclass(frozen=True)
class LabelMap:
    """Labels that do not overlap.

    Attributes:
        values: A volume of whole numbers >= 0; 0 is background. Its grid is
            that of the image, possibly stored along other axes; if
            ``partial``, it may cover a part of the image's only.
        names: Value to name, for values that have one.
        partial: See ``values``.
    """

    values: sitk.Image
    names: dict[int, str] = field(default_factory=dict)
    partial: bool = False


class LabelReader(ABC):
    """Reads labels from one kind of files.

    Args:
        series: Instance UIDs of the DICOM series that are wanted where a
            folder holds several.
    """

    def __init__(self, series: Iterable[str] = ()) -> None:
        self.series = tuple(series)

    @abstractmethod
    def case_name(self, path: Path) -> str | None:
        """The name of the case that a path labels, None if it cannot read it.
        """

    def names(self, path: Path) -> list[str]:
        """The names that :meth:`read` will give, without reading voxels."""
        return []

    @abstractmethod
    def read(self, path: Path, grid: Geometry) -> Iterator[LabelMap]:
        """The labels; those that overlap come in several maps.

        Args:
            path: The file or folder.
            grid: Of the image that it labels.

        Raises:
            InputError: If the file is corrupt or does not fit the grid.
        """
