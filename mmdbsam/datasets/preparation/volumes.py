"""Reading an image and its label volume, checked and canonically oriented."""

import gzip
import math
import re
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError

CANONICAL = 'LPS'
TOLERANCE = 1e-3

Geometry = dict[str, list[float]]


@dataclass(frozen=True)
class VolumePair:
    """A scan and its labels on the canonical LPS grid.

    Attributes:
        image: Intensities (D, H, W), in the file's units (HU for CT).
        label: Label ids (D, H, W), uint8, or uint16 if one is above 255.
        geometry: The grid: ``size``, ``spacing``, ``origin``, ``direction``
            in SimpleITK's order (x, y, z), millimetres.
        source: The file's own ``orientation`` (three letters, such as
            ``'RAS'``) and ``geometry``. ``sitk.DICOMOrient(volume,
            orientation)`` brings a canonical volume back to them.
    """

    image: np.ndarray
    label: np.ndarray
    geometry: Geometry
    source: dict


def read_pair(image_path: Path, label_path: Path) -> VolumePair:
    """Read an image and its label volume.

    Args:
        image_path: A 3-D NIfTI file of intensities.
        label_path: A 3-D NIfTI file of label ids on the same grid.

    Raises:
        InputError: If a file is corrupt or not 3-D, if the two grids differ,
            or if the label values are no labels.
    """
    source = check_pair(image_path, label_path)
    image, label = (
        sitk.DICOMOrient(_read(path), CANONICAL)
        for path in (image_path, label_path))
    return VolumePair(
        image=sitk.GetArrayFromImage(image),
        label=_label_ids(sitk.GetArrayFromImage(label), label_path),
        geometry=_geometry(image),
        source=dict(orientation=_orientation(source), geometry=source))


def check_pair(image_path: Path, label_path: Path) -> Geometry:
    """Check by their headers that two files share one 3-D grid.

    Returns:
        The grid, as the files state it.

    Raises:
        InputError: If a header cannot be read or the grids differ.
    """
    image, label = (_geometry(_open(path))
                    for path in (image_path, label_path))
    for key, found in label.items():
        if not np.allclose(image[key], found, rtol=0, atol=TOLERANCE):
            raise InputError(
                f'{label_path}: expected the {key} of its image, '
                f'{_numbers(image[key])}, found {_numbers(found)}')
    return image


def canonical_depth(geometry: Geometry) -> int:
    """The number of axial slices that a grid has once it is canonical."""
    letters = _orientation(geometry)
    axis = next(i for i, letter in enumerate(letters) if letter in 'SI')
    return int(geometry['size'][axis])


def _geometry(grid: sitk.Image | sitk.ImageFileReader) -> Geometry:
    return dict(
        size=list(grid.GetSize()),
        spacing=list(grid.GetSpacing()),
        origin=list(grid.GetOrigin()),
        direction=list(grid.GetDirection()))


def _orientation(geometry: Geometry) -> str:
    return sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(
        geometry['direction'])


def _open(path: Path) -> sitk.ImageFileReader:
    """A reader that has read the header of a scalar 3-D file."""
    sitk.ProcessObject.SetGlobalWarningDisplay(False)
    reader = sitk.ImageFileReader()
    reader.SetImageIO('NiftiImageIO')
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise InputError(
            f'{path}: expected an intact NIfTI volume, found: {_brief(error)}'
        ) from error
    if reader.GetDimension() != 3 or reader.GetNumberOfComponents() != 1:
        raise InputError(
            f'{path}: expected a 3-D volume of one value a voxel, found '
            f'{reader.GetDimension()}-D with {reader.GetNumberOfComponents()} '
            'values a voxel')
    return reader


def _read(path: Path) -> sitk.Image:
    reader = _open(path)
    _check_complete(path, reader)
    return reader.Execute()


def _check_complete(path: Path, reader: sitk.ImageFileReader) -> None:
    """Refuse a truncated or damaged file, which ITK fills up in silence."""
    expected = int(float(reader.GetMetaData('vox_offset'))) + (
        math.prod(reader.GetSize()) * int(reader.GetMetaData('bitpix')) // 8)
    opener = gzip.open if path.suffix == '.gz' else open
    found = 0
    try:
        with opener(path, 'rb') as stream:
            while chunk := stream.read(1 << 20):
                found += len(chunk)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f'{path}: expected a complete gzip stream, found: '
                         f'{error}') from error
    if found < expected:
        raise InputError(f'{path}: expected {expected} bytes by its header, '
                         f'found {found}; the file is truncated')


def _label_ids(values: np.ndarray, path: Path) -> np.ndarray:
    broken = values[values != np.rint(values)]
    if broken.size:
        raise InputError(f'{path}: expected whole numbers as label ids, found '
                         f'{broken[0]:g}')
    lowest, highest = values.min(), values.max()
    if lowest < 0 or highest > np.iinfo(np.uint16).max:
        raise InputError(f'{path}: expected label ids in 0..65535, found '
                         f'{lowest:g}..{highest:g}')
    if highest == 0:
        raise InputError(f'{path}: expected some foreground, found only 0')
    return values.astype(np.uint8 if highest <= 255 else np.uint16)


def _brief(error: RuntimeError) -> str:
    """What an ITK message says, without its source lines and addresses."""
    last = str(error).strip().splitlines()[-1]
    return re.sub(r'^(sitk::|ITK )ERROR: (\w+\(\w+\): )?', '', last)


def _numbers(values: list[float]) -> str:
    # Adding 0 turns the -0.0 of direction cosines into 0.
    return '(' + ', '.join(f'{value + 0:.6g}' for value in values) + ')'
