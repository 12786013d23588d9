"""OpenKBP's structures, each a table of voxels."""

from collections.abc import Iterator
from pathlib import Path

from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.readers.pictures import as_volume
from mmdbsam.io.voxel_tables import NO_STRUCTURES, is_voxel_table, read_voxels


class OpenKbpStructureReader(LabelReader):
    """Reads the table of one structure, beside that of the patient's CT."""

    def case_name(self, path: Path) -> str | None:
        """See :class:`LabelReader`; it is the name of the folder."""
        is_structure = (path.name not in NO_STRUCTURES
                        and is_voxel_table(path))
        return path.parent.name if is_structure else None

    def read(self, path: Path, grid: Geometry, space: str | None = None
             ) -> Iterator[LabelMap]:
        """See :class:`LabelReader`; the structure takes the CT's spacing."""
        yield LabelMap(as_volume(read_voxels(path, has_values=False),
                                 grid['spacing']))
