"""What a writer of segmentations does, and how the right one is found."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path

from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.readers import VolumeReader
from mmdbsam.io.readers.reader import without_suffix
from mmdbsam.structures.results import VolumeResult


class SegmentationWriter(ABC):
    """Writes the objects of an image to one kind of files.

    Args:
        series: Instance UIDs of the DICOM series that are wanted where a
            folder holds several.

    Attributes:
        suffixes: Of the files that it writes, lower case. The first is that of
            files which are named after their image.
        readers: Of the images whose objects it writes unless another kind of
            files is asked for.
        keeps_overlaps: Whether a voxel can belong to several objects. Else it
            belongs to the smallest, see :attr:`.VolumeResult.labels`.
        keeps_names: Whether the files hold the objects' names.
    """

    suffixes: tuple[str, ...] = ()
    readers: tuple[type[VolumeReader], ...] = ()
    keeps_overlaps = False
    keeps_names = True

    def __init__(self, series: Iterable[str] = ()) -> None:
        self.series = tuple(series)

    def stem(self, path: Path) -> str | None:
        """A file's name up to its suffix, None if it is of another kind."""
        return without_suffix(path, sorted(self.suffixes, key=len,
                                           reverse=True))

    def check(self, image: Path, geometry: Geometry) -> None:  # noqa: B027
        """Make sure that an image's objects can be written, before a search.

        Args:
            image: The image's file or folder.
            geometry: Its grid.

        Raises:
            InputError: If not.
        """

    @abstractmethod
    def write(self, result: VolumeResult, image: Path, path: Path) -> None:
        """Write a file, which is there whole or not at all.

        Args:
            result: The objects, on the grid of their image.
            image: The image's file or folder.
            path: The file.

        Raises:
            InputError: If it cannot be written.
        """
