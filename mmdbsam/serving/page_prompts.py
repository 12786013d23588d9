"""What the page sends, as prompts and masks of the scan."""

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmdbsam.apis.coordinates import numbers
from mmdbsam.apis.volume.prompts import (
    Lasso,
    Scribble,
    SeedBox,
    SeedPoint,
    VolumeBox,
    VolumePrompt,
)
from mmdbsam.errors import InputError
from mmdbsam.geometry.planes import SlicePlane
from mmdbsam.structures.packed_mask import PackedMask

# No hand draws a line of more points.
_MOST_POINTS = 20000


class PromptReader:
    """Reads prompts on the slices of a plane, as they are shown.

    Their places are columns, rows and slices of the plane. Prompts of the
    session name voxels along the axes of the volume instead.

    Args:
        plane: The plane of the session.
    """

    def __init__(self, plane: SlicePlane) -> None:
        self.plane = plane

    def prompt(self, sent: Mapping[str, Any]) -> VolumePrompt:
        """Read a prompt.

        Args:
            sent: Its ``kind`` is box, span, points, scribble or lasso. A span
                has a ``box`` of columns, rows and slices, the lowest and the
                highest; the others have a ``slice``, and a ``box``, or
                ``points`` and their ``labels`` or ``is_object``.

        Raises:
            InputError: If it is something else. Whether it lies in the volume
                is left to the session.
        """
        kind = sent.get('kind')
        if kind == 'span':
            box = numbers(sent.get('box'), 'box', (6, )).reshape(2, 3)
            return VolumeBox(self._upright(box).ravel().tolist())
        z = whole(sent, 'slice')
        if kind == 'box':
            box = numbers(sent.get('box'), 'box', (4, )).reshape(2, 2)
            through, corners = self._placed(box, z)
            return SeedBox(through, np.sort(corners, axis=0).ravel())
        drawn = sent.get('points')
        if isinstance(drawn, list) and len(drawn) > _MOST_POINTS:
            raise InputError(f'points: expected at most {_MOST_POINTS}, found '
                             f'{len(drawn)}')
        through, points = self._placed(numbers(drawn, 'points', (-1, 2)), z)
        if kind == 'points':
            return SeedPoint(through, points, sent.get('labels'))
        if kind == 'scribble':
            return Scribble(through, points,
                            sent.get('is_object', True) is not False)
        if kind == 'lasso':
            return Lasso(through, points)
        raise InputError('kind: expected box, span, points, scribble or lasso,'
                         f' found {str(kind)[:50]!r}')

    def mask(self, sent: Mapping[str, Any]) -> np.ndarray:
        """Read the mask of a slice, bool (H, W).

        Args:
            sent: The ``corner`` and the ``shape`` of a part of the slice, in
                rows and columns, and its ``bits`` in base64.

        Raises:
            InputError: If it is something else, or leaves the slice.
        """
        width, height, _ = self.plane.size
        corner, shape = (
            numbers(sent.get(name), name, (2, )) for name in ('corner',
                                                              'shape'))
        if not (np.array([*corner, *shape]) % 1 == 0).all() or (
                min(*corner, *shape) < 0
                or (corner + shape > [height, width]).any()):
            raise InputError('corner, shape: expected a part of a slice of '
                             f'{height} x {width}, found {shape.tolist()} at '
                             f'{corner.tolist()}')
        rows, columns = map(int, shape)
        try:
            bits = base64.b64decode(str(sent.get('bits', '')), validate=True)
        except (binascii.Error, ValueError) as error:
            raise InputError(f'bits: expected base64, found: {error}'
                             ) from error
        if len(bits) != -(-rows * columns // 8):
            raise InputError(f'bits: expected {-(-rows * columns // 8)} bytes,'
                             f' found {len(bits)}')
        packed = PackedMask((int(corner[0]), int(corner[1])), (rows, columns),
                            np.frombuffer(bits, np.uint8))
        return packed.whole((height, width))

    def _placed(self, flat: np.ndarray, z: int) -> tuple[int, np.ndarray]:
        """Place columns and rows (P, 2) of a slice in the volume.

        Returns:
            tuple: The slice along the volume's own axis, and the points along
            its two others, in their order.
        """
        voxels = self._voxels(np.insert(flat, 2, z, axis=1))
        through = self.plane.axes[2]
        return int(voxels[0, through]) if len(voxels) else z, np.delete(
            voxels, through, axis=1)

    def _upright(self, corners: np.ndarray) -> np.ndarray:
        return np.sort(self._voxels(corners), axis=0)

    def _voxels(self, places: np.ndarray) -> np.ndarray:
        """The voxels x, y, z at columns, rows and slices (P, 3)."""
        last = np.array(self.plane.size) - 1
        voxels = np.empty_like(places)
        voxels[:, self.plane.axes] = np.where(self.plane.flipped,
                                              last - places, places)
        return voxels


def whole(sent: Mapping[str, Any], name: str) -> int:
    """Read a whole number.

    Raises:
        InputError: If it is none.
    """
    found = sent.get(name)
    if isinstance(found, bool) or not isinstance(found, int):
        raise InputError(f'{name}: expected a whole number, found '
                         f'{str(found)[:50]!r}')
    return found


def pack(index: int, mask: PackedMask, is_prompted: bool) -> dict[str, Any]:
    """Write the mask of a slice; see :meth:`PromptReader.mask`."""
    return dict(slice=index, corner=list(mask.corner), shape=list(mask.shape),
                bits=base64.b64encode(mask.bits.tobytes()).decode(),
                prompted=is_prompted)
