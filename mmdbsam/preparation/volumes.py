"""Reading and checking an image and its labels in one orientation."""

from dataclasses import dataclass

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import (
    ORIENTATIONS,
    Geometry,
    geometry_of,
    orientation,
    oriented,
    resample,
    respaced,
    set_geometry,
)
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.readers import Readers
from mmdbsam.preparation.cases import CaseOptions, SourceCase
from mmdbsam.preparation.label_layers import read_layers


@dataclass(frozen=True)
class LabelledVolume:
    """A scan and its labels on one grid.

    Attributes:
        image: Intensities (D, H, W), or (D, H, W, 3) for RGB, in the file's
            units (HU for CT).
        layers: Label ids, each uint16 (D, H, W); labels that overlap are in
            different layers.
        geometry: The grid: ``size``, ``spacing``, ``origin`` and ``direction``
            in SimpleITK's order (x, y, z), in mm.
        source: The file's own ``orientation`` (three letters, such as
            ``'RAS'``) and ``geometry``; see :func:`.on_source_grid`.
        modality: The modality of the scan, such as ``'CT'``.
        patient: The patient that the scan shows, if the file names one.
    """

    image: np.ndarray
    layers: list[np.ndarray]
    geometry: Geometry
    source: dict
    modality: str
    patient: str | None


def read_case(case: SourceCase, options: CaseOptions | None = None
              ) -> LabelledVolume:
    """Read an image and its labels.

    Args:
        case: The case's files.
        options: How the case is prepared, by default ``CaseOptions()``.

    Raises:
        InputError: If a file is corrupt, the grids differ, voxels are not
            finite, or values are not labels.
    """
    if case.problem:
        raise InputError(case.problem)
    options = options or CaseOptions()
    reader = Readers(options.series, options.channel).find(case.image)
    letters = ORIENTATIONS[options.plane]
    place = reader.place(case.image)
    source = place.grid
    layers = read_layers(case.labels, LabelReaders(options.series),
                         options.table, place, letters)
    image = sitk.DICOMOrient(reader.read(case.image), letters)
    geometry = geometry_of(image)
    if options.spacing:
        target = respaced(geometry, options.spacing)
        layers = [resample(_volume(layer, geometry), target,
                           sitk.sitkNearestNeighbor) for layer in layers]
        values = resample(image, target, sitk.sitkLinear)
        geometry = target
    else:
        values = sitk.GetArrayFromImage(image)
    _check_numbers(values, case)
    return LabelledVolume(
        values, layers, geometry,
        dict(orientation=orientation(source), geometry=source),
        options.modality or reader.modality_of(case.image),
        reader.patient(case.image))


def depth_of(case: SourceCase, options: CaseOptions) -> int:
    """The number of slices that a case will have, from its header.

    Raises:
        InputError: If the header cannot be read.
    """
    reader = Readers(options.series, options.channel).find(case.image)
    geometry = oriented(reader.geometry(case.image),
                        ORIENTATIONS[options.plane])
    if options.spacing:
        geometry = respaced(geometry, options.spacing)
    return geometry['size'][2]


def _volume(array: np.ndarray, geometry: Geometry) -> sitk.Image:
    return set_geometry(sitk.GetImageFromArray(array), geometry)


def check_finite(values: np.ndarray, name: object) -> None:
    """Refuse values (D, ...) that are NaN or infinite.

    Raises:
        InputError: If there are any; it names the image.
    """
    broken = (sum(np.count_nonzero(~np.isfinite(part)) for part in values)
              if values.dtype.kind == 'f' else 0)
    if broken:
        raise InputError(f'{name}: expected finite values, found {broken} '
                         'voxels that are NaN or infinite')


def _check_numbers(values: np.ndarray, case: SourceCase) -> None:
    check_finite(values, case.image)
    if values.min() == values.max():
        raise InputError(f'{case.image}: expected intensities that differ, '
                         f'found only {values.min():g}')
