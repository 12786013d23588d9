"""The slices of a volume along an anatomical plane."""

from typing import List

import numpy as np

from mmdbsam.geometry.grids import ORIENTATIONS, Geometry, orientation

#: The axis of the scanner's space (x, y, z) that slices are stacked along.
STACKED_ALONG = {'axial': 2, 'coronal': 1, 'sagittal': 0}


class SlicePlane:
    """Shows a volume as slices that lie like those of prepared data.

    The slices are cut along the volume's own axes. They are views: what is
    written to them is written to the volume.

    Args:
        geometry: The volume's grid.
        plane: ``'axial'``, ``'coronal'`` or ``'sagittal'``. For an oblique
            volume, the nearest of its own planes is taken.

    Attributes:
        axes: The three axes of the volume (0 for x, 1 for y, 2 for z) along
            which the columns, the rows and the stack of slices run.
        size: The numbers of voxels along these axes.
    """

    def __init__(self, geometry: Geometry, plane: str) -> None:
        letters = orientation(geometry)
        self.axes: List[int] = []
        self.flipped: List[bool] = []
        for wanted in ORIENTATIONS[plane]:
            axis = next(i for i, letter in enumerate(letters)
                        if _line(letter) == _line(wanted))
            self.axes.append(axis)
            self.flipped.append(letters[axis] != wanted)
        self.size = [geometry['size'][axis] for axis in self.axes]

    def slices(self, volume: np.ndarray) -> np.ndarray:
        """The volume, (D, H, W) or (D, H, W, 3), as a view of that shape."""
        order = [2 - axis for axis in reversed(self.axes)]
        steps = [slice(None, None, -1 if flip else 1)
                 for flip in reversed(self.flipped)]
        return volume.transpose(*order, *range(3, volume.ndim))[tuple(steps)]

    def to_slices(self, points: np.ndarray) -> np.ndarray:
        """Where voxels lie in the view.

        Args:
            points: Indices x, y, z in the volume, (..., 3).

        Returns:
            np.ndarray: The column, row and slice of each point, (..., 3).
        """
        moved = np.asarray(points, float)[..., self.axes]
        last = np.array(self.size) - 1
        return np.where(self.flipped, last - moved, moved)


def _line(letter: str) -> int:
    """The number of the line that a letter points along, either way."""
    return next(i for i, pair in enumerate(('LR', 'AP', 'SI'))
                if letter in pair)


def plane_of(geometry: Geometry) -> str:
    """The plane of a volume that has a single slice.

    The plane is axial if the volume has a single voxel along several axes, or
    along none.
    """
    for plane in ORIENTATIONS:
        stack = SlicePlane(geometry, plane).size[2]
        if stack == 1:
            return plane
    return 'axial'
