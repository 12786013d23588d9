"""Volumes whose values are the labels."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.readers import Readers


class LabelVolumeReader(LabelReader):
    """Reads any volume of one value a voxel that can be read as an image.

    A 4-D file has a volume of 0 and 1 for each label. If each voxel is 1 in
    just one of them, the first one is background (one-hot); otherwise the
    first one is label 1.
    """

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
        count = reader.count(path)
        if count == 1:
            yield LabelMap(reader.read(path), others=reader.place(path).others,
                           may_be_white=True)
            return
        yield from self._of_channels(path, count)

    def _of_channels(self, path: Path, count: int) -> Iterator[LabelMap]:
        total = None
        for channel in range(count):
            reader = Readers(self.series, channel).find(path)
            values = sitk.GetArrayFromImage(reader.read(path))
            if not np.isin(values, (0, 1)).all():
                raise InputError(
                    f'{path}: expected one volume of labels, or 0 and 1 in a '
                    f'volume for each, found {count} volumes and values up to '
                    f'{values.max():g}; give a file of one volume')
            total = values + (0 if total is None else total)
        first = 0 if (total == 1).all() else 1
        for channel in range(1 - first, count):
            reader = Readers(self.series, channel).find(path)
            volume = sitk.Cast(reader.read(path) != 0, sitk.sitkUInt16)
            yield LabelMap(volume * (channel + first),
                           others=reader.place(path).others)
