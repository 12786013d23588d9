"""The grid on which the slices of a DICOM series lie."""

from pathlib import Path

import numpy as np
import SimpleITK as sitk
from scipy import optimize

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, format_numbers, geometry_of
from mmdbsam.io.readers.reader import open_header

# Tags of the DICOM standard, part 6.
_POSITION, _ORIENTATION = '0020|0032', '0020|0037'
_BETWEEN_SLICES, _THICKNESS = '0018|0088', '0018|0050'
# A slice may lie this fraction of the slice distance beside a regular grid,
# because positions are rounded in the header and tables do not move evenly.
# Where a slice is missing, some lie at least 0.2 of it beside.
_UNEVEN = 0.15
# Headers state positions in one of these units, in mm, or more finely.
_UNITS = (1., 0.1, 0.01)
# Slices may be shifted by this many mm within their planes.
_SIDEWAYS = 0.1


def tag(header: sitk.ImageFileReader, key: str) -> str:
    """The text of a tag; empty if the header does not have it."""
    return header.GetMetaData(key).strip() if header.HasMetaDataKey(key) \
        else ''


def grid_of_files(files: list[Path]) -> tuple[list[Path], Geometry]:
    """Sort files of one slice each by their positions.

    Returns:
        tuple: The files in the order of their slices, and their common grid.

    Raises:
        InputError: If one of several files has no position, or the slices do
            not lie above each other on one regular grid.
    """
    headers = [open_header(file, 'GDCMImageIO', 'DICOM image')
               for file in files]
    first = headers[0]
    thickness = first_length(tag(first, _BETWEEN_SLICES),
                             tag(first, _THICKNESS))
    if len(files) == 1 and not tag(first, _POSITION):
        # Radiographs have no place in the patient.
        return files, dict(
            geometry_of(first), spacing=[*first.GetSpacing()[:2], thickness])
    for file, header in zip(files, headers, strict=True):
        for key, name in ((_POSITION, 'ImagePositionPatient'),
                          (_ORIENTATION, 'ImageOrientationPatient')):
            if not tag(header, key):
                raise InputError(f'{file}: expected {name}, found none')
        _check_alike(file, header, files[0], first)
    direction = np.array(first.GetDirection()).reshape(3, 3)
    positions = np.array([
        [float(x) for x in tag(header, _POSITION).split('\\')]
        for header in headers])
    order, geometry = stack(
        positions, direction, first.GetSpacing()[:2], first.GetSize()[:2],
        thickness, [file.name for file in files], files[0].parent)
    return [files[i] for i in order], geometry


def stack(positions: np.ndarray, direction: np.ndarray,
          spacing: tuple[float, ...], size: tuple[int, ...],
          thickness: float, names: list[str], where: Path
          ) -> tuple[list[int], Geometry]:
    """Stack slices along their normal.

    The first slice is the origin, and the distance is the mean one, as in ITK.

    Args:
        positions: The centres of the slices' first pixels in mm, (n, 3).
        direction: The direction cosines (3, 3), whose last column is the
            normal of the slices.
        spacing: The distances (x, y) of the pixels in mm.
        size: The numbers (x, y) of the pixels.
        thickness: The distance in mm that a single slice gets.
        names: The names of the slices in messages.
        where: The file or folder that messages name.

    Returns:
        tuple: The order of the slices, and their grid.

    Raises:
        InputError: If slices are missing, repeated or sheared.
    """
    along = positions @ direction[:, 2]
    order = np.argsort(along, kind='stable').tolist()
    positions, along = positions[order], along[order]
    step = thickness
    if len(order) > 1:
        step = (along[-1] - along[0]) / (len(order) - 1)
        _check_positions([names[i] for i in order], positions, along,
                         direction[:, 2], where)
    return order, dict(
        size=[*size, len(order)], spacing=[*spacing, float(step)],
        origin=positions[0].tolist(), direction=direction.ravel().tolist())


def first_length(*lengths: str | float | None) -> float:
    """The first length in mm that is given and not 0; 1 without any."""
    for text in lengths:
        try:
            length = abs(float(text))
        except (TypeError, ValueError):
            continue
        if 0 < length < np.inf:
            return length
    return 1.


def _check_alike(file: Path, header: sitk.ImageFileReader, first_file: Path,
                 first: sitk.ImageFileReader) -> None:
    """Refuse slices whose sizes or directions differ."""
    for name, found, wanted, tolerance in (
            ('size', header.GetSize(), first.GetSize(), 0),
            ('spacing', header.GetSpacing()[:2], first.GetSpacing()[:2], 1e-3),
            ('direction', header.GetDirection(), first.GetDirection(), 1e-3)):
        if not np.allclose(found, wanted, rtol=0, atol=tolerance):
            raise InputError(
                f'{file}: expected the {name} of {first_file.name}, '
                f'{format_numbers(list(wanted))}, found '
                f'{format_numbers(list(found))}')


def _check_positions(names: list[str], positions: np.ndarray,
                     along: np.ndarray, normal: np.ndarray, where: Path
                     ) -> None:
    """Refuse missing, repeated and sheared slices."""
    steps = np.diff(along)
    usual = float(np.median(steps))
    if steps.min() < 1e-3:
        i = int(steps.argmin())
        raise InputError(f'{where}: expected one file at each position, found '
                         f'{names[i]} and {names[i + 1]} at the same')
    step, start = np.polyfit(np.arange(len(along)), along, 1)
    beside = np.abs(start + step * np.arange(len(along)) - along)
    if beside.max() > _UNEVEN * step and not _is_rounded(along):
        i = int(np.abs(steps - usual).argmax())
        raise InputError(
            f'{where}: expected a slice every {usual:.4g} mm, found '
            f'{steps[i]:.4g} mm between {names[i]} and {names[i + 1]}; slices '
            'are missing')
    sideways = positions - positions[0]
    sideways -= np.outer(sideways @ normal, normal)
    # Rounded positions lie on either side of their mean.
    if np.linalg.norm(sideways - sideways.mean(0), axis=1).max() > _SIDEWAYS:
        shift = float(np.linalg.norm(sideways, axis=1).max())
        raise InputError(
            f'{where}: expected slices above each other, found a shift of '
            f'{shift:.4g} mm within them (a tilted gantry); resample the '
            'series first')


def _is_rounded(along: np.ndarray) -> bool:
    """Whether rounding alone explains how positions in mm are spaced.

    They are multiples of a unit then, and all of them are within half a unit
    of even positions. Rounding changes a distance by less than one unit. A
    missing slice changes it by at least two, because units above half the
    distance are not considered.
    """
    index, steps = np.arange(len(along)), np.diff(along)
    mean = steps.mean()
    unit = next((unit for unit in _UNITS if 2 * unit <= mean and np.allclose(
        along / unit, np.rint(along / unit), rtol=0, atol=1e-3)), 0.)
    if not np.abs(steps - mean).max() < unit:
        return False
    nearest = optimize.minimize_scalar(
        lambda step: np.ptp(along - step * index), method='bounded',
        bounds=(steps.min(), steps.max()), options=dict(xatol=1e-6))
    return nearest.fun < unit * (1 + 1e-3)
