"""Volumes whose values are the labels."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.readers import Readers


class LabelVolumeReader(LabelReader):
    """Reads any volume of one value a voxel that can be read as an image."""

    def __init__(self, series: Iterable[str] = ()) -> None:
        super().__init__(series)
        self.volumes = Readers(series)

    def case_name(self, path: Path) -> str | None:
        """See :class:`LabelReader`."""
        return self.volumes.case_name(path)

    def read(self, path: Path, grid: Geometry, space: str | None = None
             ) -> Iterator[LabelMap]:
        """See :class:`LabelReader`."""
        reader = self.volumes.find(path)
        yield LabelMap(reader.read(path), others=reader.place(path).others)
