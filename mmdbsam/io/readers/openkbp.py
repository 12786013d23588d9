"""OpenKBP's CT, a table of voxels."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.geometry.grids import Geometry, flat_geometry
from mmdbsam.io.readers.pictures import as_volume
from mmdbsam.io.readers.reader import VolumeReader
from mmdbsam.io.voxel_tables import (
    CT,
    SIDE,
    is_voxel_table,
    read_spacing,
    read_voxels,
)

# Fat and muscle have their usual values in HU when this is subtracted, and
# air, which is not listed, has -1024. The data's description does not say it.
_OFFSET = 1024


class OpenKbpReader(VolumeReader):
    """Reads ``ct.csv`` in the folder of a patient, in HU."""

    suffixes = (CT, )
    in_space = False

    def case_name(self, path: Path) -> str | None:
        """See :class:`VolumeReader`; it is the name of the folder."""
        known = path.name.lower() == CT and is_voxel_table(path)
        return path.parent.name if known else None

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`."""
        return flat_geometry((SIDE, SIDE, SIDE), read_spacing(path.parent))

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`; whole numbers have 16 bits."""
        values = read_voxels(path, has_values=True) - _OFFSET
        whole = np.rint(values).clip(-2**15, 2**15 - 1).astype(np.int16)
        return as_volume(whole if (whole == values).all() else values,
                         read_spacing(path.parent))
