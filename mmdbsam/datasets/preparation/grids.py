"""Where the voxels of a volume lie in the scanner's space."""

import numpy as np
import SimpleITK as sitk

CANONICAL = 'LPS'

# size, spacing, origin and direction in SimpleITK's order (x, y, z), mm.
Geometry = dict[str, list[float]]


def geometry_of(grid: sitk.Image | sitk.ImageFileReader) -> Geometry:
    """The grid of an image, or of a file whose header was read."""
    return dict(
        size=list(grid.GetSize()),
        spacing=list(grid.GetSpacing()),
        origin=list(grid.GetOrigin()),
        direction=list(grid.GetDirection()))


def orientation(geometry: Geometry) -> str:
    """Three letters, as ``'LPS'``: where each axis points to, nearly."""
    return sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(
        geometry['direction'])


def canonical(geometry: Geometry) -> Geometry:
    """The grid that ``sitk.DICOMOrient`` to LPS gives a volume."""
    letters = orientation(geometry)
    direction = np.array(geometry['direction']).reshape(3, 3)
    origin = np.array(geometry['origin'])
    size, spacing, columns = [], [], []
    for towards, away in ('LR', 'PA', 'SI'):
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


def differences(geometry: Geometry, other: Geometry,
                tolerance: float) -> list[str]:
    """The keys in which two grids differ, by more than a tolerance in mm."""
    return [key for key, values in geometry.items()
            if len(values) != len(other[key])
            or not np.allclose(values, other[key], rtol=0, atol=tolerance)]


def format_numbers(values: list[float]) -> str:
    """As ``'(0.7, 0.7, 2.5)'``."""
    # Adding 0 turns the -0.0 of direction cosines into 0.
    return '(' + ', '.join(f'{value + 0:.6g}' for value in values) + ')'
