"""Segmentations of 3D Slicer: NRRD whose header names the segments."""

import re
from collections.abc import Iterator
from pathlib import Path

import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.readers.reader import brief, without_suffix
from mmdbsam.io.readers.stored_voxels import check_voxels, nrrd_voxels

_SUFFIXES = ('.seg.nrrd', '.seg.nhdr', '.nrrd', '.nhdr')
_KEY = re.compile(r'(Segment\d+_)ID$')


class SlicerSegmentationReader(LabelReader):
    """Reads ``.seg.nrrd``, and other NRRD with the same keys in its header.

    Segments that overlap are in different layers, which are the components of
    a voxel. The volume may cover a part of the image's grid.
    """

    def case_name(self, path: Path) -> str | None:
        """See :class:`LabelReader`."""
        name = without_suffix(path, _SUFFIXES)
        if not name or not path.is_file():
            return None
        # Others are label volumes.
        return name if (path.name.lower().endswith(_SUFFIXES[:2])
                        or _segments(path)) else None

    def names(self, path: Path) -> list[str]:
        """See :class:`LabelReader`."""
        return [name for _, _, name in _segments(path)]

    def declared(self, path: Path) -> dict[int, str]:
        """See :class:`LabelReader`; values of several layers are not."""
        segments = _segments(path)
        values = {value: name for _, value, name in segments}
        return values if len(values) == len(segments) else {}

    def read(self, path: Path, grid: Geometry, space: str | None = None
             ) -> Iterator[LabelMap]:
        """See :class:`LabelReader`."""
        segments = _segments(path)
        if voxels := nrrd_voxels(path):
            check_voxels(path, voxels)
        try:
            image = sitk.ReadImage(str(path), imageIO='NrrdImageIO')
        except RuntimeError as error:
            raise InputError(f'{path}: expected a complete NRRD volume, '
                             f'found: {brief(error)}') from error
        if image.GetDimension() == 4 and image.GetSize()[3] == 1:
            image = image[..., 0]
        if image.GetDimension() != 3:
            raise InputError(f'{path}: expected a 3-D volume in layers, found '
                             f'{image.GetDimension()}-D')
        count = image.GetNumberOfComponentsPerPixel()
        for layer in range(count):
            volume = image if count == 1 else (
                sitk.VectorIndexSelectionCast(image, layer))
            yield LabelMap(volume, {value: name for where, value, name
                                    in segments if where == layer},
                           partial=bool(segments))


def _segments(path: Path) -> list[tuple[int, int, str]]:
    """The layer, the value and the name of each segment of a header.

    Names that occurred before are numbered.
    """
    reader = sitk.ImageFileReader()
    reader.SetImageIO('NrrdImageIO')
    reader.SetFileName(str(path))
    try:
        # A header that is not sound could end the process.
        nrrd_voxels(path)
        reader.ReadImageInformation()
    except (InputError, RuntimeError):
        # Reading the file will report the error.
        return []
    keys = reader.GetMetaDataKeys()
    starts = [match[1] for key in keys if (match := _KEY.match(key))]
    segments, seen = [], {}
    for start in sorted(starts, key=lambda start: int(start[7:-1])):
        said = {name: reader.GetMetaData(start + name)
                for name in ('ID', 'Name', 'LabelValue', 'Layer')
                if start + name in keys}
        # Older files have a layer for each segment, and no values.
        number = int(start[7:-1])
        try:
            layer = int(said.get('Layer', number))
            value = int(said.get('LabelValue', 1))
        except ValueError as error:
            raise InputError(f'{path}: {start}LabelValue: expected whole '
                             f'numbers, found: {error}') from error
        name = said.get('Name') or said['ID']
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name = f'{name} {seen[name]}'
        segments.append((layer, value, name))
    return segments
