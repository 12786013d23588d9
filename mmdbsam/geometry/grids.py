"""Where the voxels of a volume lie in the scanner's space."""

from collections.abc import Sequence

import numpy as np
import SimpleITK as sitk

#: For each plane, where the axes x, y and z of a volume of its slices point;
#: columns run to the right and rows down, as radiologists look at them.
ORIENTATIONS = {'axial': 'LPS', 'coronal': 'LIP', 'sagittal': 'PIR'}

# The keys are size, spacing, origin and direction, in SimpleITK's order (x, y,
# z); lengths are in mm.
Geometry = dict[str, list[float]]
_OPPOSITE = dict(zip('LRPASI', 'RLAPIS', strict=True))


def geometry_of(grid: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The grid of an image, or of a file whose header was read.

    A grid of four dimensions gives that of the first three.
    """
    dimension = grid.GetDimension()
    direction = np.array(grid.GetDirection()).reshape(dimension, dimension)
    return dict(
        size=list(grid.GetSize()[:3]),
        spacing=list(grid.GetSpacing()[:3]),
        origin=list(grid.GetOrigin()[:3]),
        direction=direction[:3, :3].ravel().tolist())


def flat_geometry(size: Sequence[int],
                  spacing: Sequence[float] = (1, 1, 1)) -> Geometry:
    """The axial grid, at 0, of files that do not know a scanner's space."""
    return dict(size=list(size), spacing=[float(x) for x in spacing],
                origin=[0., 0., 0.],
                direction=[1., 0., 0., 0., 1., 0., 0., 0., 1.])


def set_geometry(image: sitk.Image, geometry: Geometry) -> sitk.Image:
    """Put an image on a grid of its size, in place, and return it."""
    image.SetSpacing(geometry['spacing'])
    image.SetOrigin(geometry['origin'])
    image.SetDirection(geometry['direction'])
    return image


def orientation(geometry: Geometry) -> str:
    """The directions that the axes nearly point to, such as ``'LPS'``."""
    return sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(
        geometry['direction'])


def oriented(geometry: Geometry, wanted: str = 'LPS') -> Geometry:
    """The grid of a volume after ``sitk.DICOMOrient`` to these letters."""
    letters = orientation(geometry)
    direction = np.array(geometry['direction']).reshape(3, 3)
    origin = np.array(geometry['origin'])
    size, spacing, columns = [], [], []
    for towards in wanted:
        away = _OPPOSITE[towards]
        axis = next(i for i, letter in enumerate(letters)
                    if letter in (towards, away))
        column = direction[:, axis]
        if letters[axis] == away:
            steps = geometry['size'][axis] - 1
            origin = origin + column * geometry['spacing'][axis] * steps
            column = -column
        size.append(geometry['size'][axis])
        spacing.append(geometry['spacing'][axis])
        columns.append(column)
    return dict(size=size, spacing=spacing, origin=origin.tolist(),
                direction=np.stack(columns, axis=1).ravel().tolist())


def respaced(geometry: Geometry, spacing: Sequence[float]) -> Geometry:
    """The grid of another spacing that covers the same extent.

    The extents may differ by half a voxel. The spacing is in mm.
    """
    old, new = np.array(geometry['spacing']), np.array(spacing)
    size = np.maximum(np.rint(geometry['size'] * old / new), 1).astype(int)
    direction = np.array(geometry['direction']).reshape(3, 3)
    # The outer corner of the first voxel stays where it is.
    origin = geometry['origin'] + direction @ ((new - old) / 2)
    return dict(size=size.tolist(), spacing=new.tolist(),
                origin=origin.tolist(), direction=geometry['direction'])


def resample(volume: sitk.Image, target: Geometry, how: int) -> np.ndarray:
    """The values of a volume on another grid, (D, H, W).

    Args:
        volume: The volume; it covers the grid, except for at most half a voxel
            at the border.
        target: The grid to resample to.
        how: An interpolator of SimpleITK, such as ``sitk.sitkLinear``.
    """
    resampler = sitk.ResampleImageFilter()
    resampler.SetSize(target['size'])
    resampler.SetOutputSpacing(target['spacing'])
    resampler.SetOutputOrigin(target['origin'])
    resampler.SetOutputDirection(target['direction'])
    resampler.SetInterpolator(how)
    # Half a voxel at the border lies outside the centres of the old voxels.
    resampler.SetUseNearestNeighborExtrapolator(True)
    return sitk.GetArrayFromImage(resampler.Execute(volume))


def differences(geometry: Geometry, other: Geometry,
                tolerance: float) -> list[str]:
    """The keys in which two grids differ by more than a tolerance in mm."""
    return [key for key, values in geometry.items()
            if len(values) != len(other[key])
            or not np.allclose(values, other[key], rtol=0, atol=tolerance)]


def farthest(geometry: Geometry, other: Geometry) -> float:
    """How far the corners of two grids lie apart, in mm.

    Args:
        geometry: A grid.
        other: A grid of the same size.

    Returns:
        float: The largest distance between the same corner of both.
    """
    ends = np.array(list(np.ndindex(2, 2, 2))) * np.subtract(
        geometry['size'], 1)
    first, second = (
        grid['origin'] + (ends * grid['spacing']) @ np.reshape(
            grid['direction'], (3, 3)).T for grid in (geometry, other))
    return float(np.linalg.norm(first - second, axis=1).max())


def same_grid(geometry: Geometry, other: Geometry, tolerance: float,
              rounding: float = 0.) -> bool:
    """Whether two grids are the same.

    Args:
        geometry: A grid.
        other: Another one.
        tolerance: By how much their numbers may differ, in mm.
        rounding: How far their corners may lie apart instead, in mm, because
            the files state their places that coarsely.
    """
    return not differences(geometry, other, tolerance) or (
        geometry['size'] == other['size']
        and farthest(geometry, other) <= rounding)


def format_numbers(values: list[float]) -> str:
    """Numbers as text, for example ``'(0.7, 0.7, 2.5)'``."""
    # Adding 0 turns the -0.0 of direction cosines into 0.
    return '(' + ', '.join(f'{value + 0:.6g}' for value in values) + ')'
