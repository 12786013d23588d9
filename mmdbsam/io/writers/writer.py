"""The interface of writers of segmentations."""

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
        series: The instance UIDs of the wanted DICOM series, where a folder
            holds several.

    Attributes:
        suffixes: The suffixes of the files that it writes, in lower case.
            Files that are named after their image get the first.
        readers: The readers of the images whose objects it writes unless
            another kind of files is asked for.
        keeps_overlaps: Whether a voxel can belong to several objects. If not,
            it belongs to the smallest; see :attr:`.VolumeResult.labels`.
        keeps_names: Whether the files hold the objects' names.
    """

    suffixes: tuple[str, ...] = ()
    readers: tuple[type[VolumeReader], ...] = ()
    keeps_overlaps = False
    keeps_names = True

    def __init__(self, series: Iterable[str] = ()) -> None:
        self.series = tuple(series)

    def stem(self, path: Path) -> str | None:
        """A file's name without its suffix; None for files of another kind."""
        return without_suffix(path, sorted(self.suffixes, key=len,
                                           reverse=True))

    def check(self, image: Path, geometry: Geometry) -> None:  # noqa: B027
        """Make sure, before inference, that an image's objects can be written.

        Args:
            image: The image's file or folder.
            geometry: Its grid.

        Raises:
            InputError: If they cannot be written.
        """

    @abstractmethod
    def write(self, result: VolumeResult, image: Path, path: Path) -> None:
        """Write a file that exists whole or not at all.

        Args:
            result: The objects, on the grid of their image.
            image: The image's file or folder.
            path: The file to write.

        Raises:
            InputError: If the file cannot be written.
        """
