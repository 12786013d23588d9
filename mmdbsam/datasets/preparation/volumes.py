"""Reading an image and its label volume, checked and canonically oriented."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.datasets.preparation.grids import (
    CANONICAL,
    Geometry,
    canonical,
    differences,
    format_numbers,
    geometry_of,
    orientation,
)
from mmdbsam.datasets.preparation.readers import Readers
from mmdbsam.errors import InputError

TOLERANCE = 1e-3


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


def read_pair(image_path: Path, label_path: Path,
              readers: Readers | None = None) -> VolumePair:
    """Read an image and its label volume.

    Args:
        image_path: A 3-D volume of intensities that a reader can read.
        label_path: A volume of label ids on the same grid.
        readers: By default ``Readers()``.

    Raises:
        InputError: If a file is corrupt or not 3-D, if the two grids differ,
            or if the label values are no labels.
    """
    readers = readers or Readers()
    source = check_pair(image_path, label_path, readers)
    image, label = (
        sitk.DICOMOrient(readers.find(path).read(path), CANONICAL)
        for path in (image_path, label_path))
    return VolumePair(
        image=sitk.GetArrayFromImage(image),
        label=_label_ids(sitk.GetArrayFromImage(label), label_path),
        geometry=geometry_of(image),
        source=dict(orientation=orientation(source), geometry=source))


def check_pair(image_path: Path, label_path: Path,
               readers: Readers) -> Geometry:
    """Check by their headers that two volumes share one grid.

    They may be stored along other axes, as tools that convert DICOM do.

    Returns:
        The grid, as the image's header states it.

    Raises:
        InputError: If a header cannot be read or the grids differ.
    """
    source, label = (readers.find(path).geometry(path)
                     for path in (image_path, label_path))
    image, label = canonical(source), canonical(label)
    for key in differences(image, label, TOLERANCE):
        raise InputError(
            f'{label_path}: expected the {key} of its image, '
            f'{format_numbers(image[key])}, found '
            f'{format_numbers(label[key])}')
    return source


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
