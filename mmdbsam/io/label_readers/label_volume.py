"""Volumes whose values are the labels."""

from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.label_readers.one_hot import as_mask, first_label
from mmdbsam.io.readers import Readers


class LabelVolumeReader(LabelReader):
    """Reads any volume of one value a voxel that can be read as an image.

    A 4-D file has a mask for each label; see :mod:`.one_hot`.
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
        def read(channel: int) -> tuple[np.ndarray, sitk.Image]:
            volume = Readers(self.series, channel).find(path).read(path)
            values = sitk.GetArrayViewFromImage(volume)
            mask = as_mask(values)
            if mask is None:
                raise InputError(
                    f'{path}: expected one volume of labels, or 0 and 1 in a '
                    f'volume for each, found {count} volumes and values up to '
                    f'{values.max():g}; give a file of one volume')
            return mask, volume

        others = Readers(self.series, 0).find(path).place(path).others
        first = first_label(sum(read(channel)[0].astype(np.uint16)
                                for channel in range(count)), str(path))
        for channel in range(1 - first, count):
            mask, volume = read(channel)
            values = sitk.GetImageFromArray(
                mask * np.uint16(channel + first))
            values.CopyInformation(volume)
            yield LabelMap(values, others=others)
