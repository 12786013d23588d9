"""The voxels of a scan, as the page shows them."""

import numpy as np

from mmdbsam.apis.scans import Scan
from mmdbsam.errors import InputError
from mmdbsam.geometry.planes import SlicePlane

# The numbers that 16 bits hold.
_LOWEST, _HIGHEST = -32768, 32767


class ShownVoxels:
    """A scan's voxels from the patient's right, front and feet on.

    Whatever way a scan is stored, its columns, rows and slices run to the
    patient's left, back and head here. Grey values are 16-bit numbers, of
    which a linear function makes those of the scan; colours have 8 bits.

    Args:
        scan: The scan.

    Attributes:
        size: The numbers of voxels along x, y and z.
        spacing: The sides of a voxel along them, in mm.
        channels: The values of a voxel, 1 or 3.
        slope: The factor from a 16-bit number to a value.
        intercept: The value of the number 0.
    """

    def __init__(self, scan: Scan) -> None:
        plane = SlicePlane(scan.geometry, 'axial')
        self.size = plane.size
        self.spacing = [scan.geometry['spacing'][axis] for axis in plane.axes]
        self._values = plane.slices(scan.values)
        self.channels = 3 if scan.values.ndim == 4 else 1
        self.slope, self.intercept = self._scale(scan.values)

    def slices(self, first: int, count: int) -> bytes:
        """Return axial slices, from the patient's feet on.

        Args:
            first: The first slice.
            count: The number of slices.

        Returns:
            bytes: The values, row by row; int16, little-endian, or RGB.

        Raises:
            InputError: If there are no such slices.
        """
        if not 0 <= first < first + count <= self.size[2]:
            raise InputError(f'first, count: expected slices in 0..'
                             f'{self.size[2] - 1}, found {count} from {first} '
                             'on')
        wanted = self._values[first:first + count]
        if self.channels == 3:
            return np.ascontiguousarray(wanted, np.uint8).tobytes()
        if (self.slope, self.intercept) != (1, 0):
            wanted = np.rint((wanted.astype(np.float64) - self.intercept)
                             / self.slope)
        return np.ascontiguousarray(wanted, '<i2').tobytes()

    def _scale(self, values: np.ndarray) -> tuple[float, float]:
        """Return the slope and the intercept."""
        if self.channels == 3 or values.dtype in (np.uint8, np.int8,
                                                  np.int16):
            return 1., 0.
        low, high = float(values.min()), float(values.max())
        if _LOWEST <= low and high <= _HIGHEST and (
                values.dtype.kind in 'iu'
                or all((one == np.rint(one)).all() for one in values)):
            return 1., 0.
        slope = (high - low) / (_HIGHEST - _LOWEST) or 1.
        return slope, low - _LOWEST * slope
