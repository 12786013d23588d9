"""Regions of a DICOM RTSTRUCT object (DICOM part 3, A.19)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, set_geometry
from mmdbsam.io.label_readers.dicom_names import text_of

_CLOSED = ('CLOSED_PLANAR', 'CLOSEDPLANAR_XOR', 'CLOSED_PLANAR_XOR')
# A contour may lie this fraction of the slice distance beside its slice,
# because coordinates are rounded.
_BESIDE = 0.2
# Two contours are the same one if they lie within this fraction of a pixel, or
# this many mm, as far as that is no more than the other fraction: coordinates
# may be rounded to 0.1 mm.
_SAME, _ROUNDED, _MOST = 0.05, 0.1, 0.25


def names(path: Path) -> list[str]:
    """The names of the regions of an object.

    Regions of points and open lines are left out: they enclose nothing.
    """
    return [name for name, _ in _regions(path)]


def spaces(path: Path) -> set[str]:
    """The UIDs of the frames of reference that regions refer to."""
    from pydicom import dcmread

    header = dcmread(path)
    found = [roi.get('ReferencedFrameOfReferenceUID')
             for roi in header.StructureSetROISequence]
    found += [frame.get('FrameOfReferenceUID') for frame
              in header.get('ReferencedFrameOfReferenceSequence') or ()]
    return {str(uid) for uid in found if uid}


def masks(path: Path, grid: Geometry) -> Iterator[sitk.Image]:
    """A mask for each region: the pixels whose centres lie in its contours.

    Contours within contours are holes (even-odd rule). A contour that is
    stored several times counts once.

    Raises:
        InputError: If a contour lies on no slice of the grid.
    """
    same = max(_SAME, min(_ROUNDED / min(grid['spacing'][:2]), _MOST))
    for name, contours in _regions(path):
        volume = np.zeros(grid['size'][::-1], np.uint8)
        where = f"{path}: region '{name}'"
        drawn: dict[int, list[np.ndarray]] = {}
        for points in contours:
            indices = _indices(points, grid)
            z = _slice_of(indices[:, 2], grid, where)
            polygon, others = indices[:, :2], drawn.setdefault(z, [])
            if not any(_is_same(polygon, other, same) for other in others):
                others.append(polygon)
                volume[z] ^= enclosed(polygon, volume.shape[1:])
        yield set_geometry(sitk.GetImageFromArray(volume), grid)


def enclosed(polygon: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The pixels whose centres lie in a polygon, by the even-odd rule.

    Args:
        polygon: Vertices x, y in pixels, (n, 2); whole numbers are the centres
            of pixels.
        shape: The shape of the mask, (H, W).

    Returns:
        The mask, bool (H, W).
    """
    height, width = shape
    inside = np.zeros((height, width + 1), bool)
    for (x0, y0), (x1, y1) in zip(polygon, np.roll(polygon, -1, axis=0),
                                  strict=True):
        # An edge includes its upper end but not its lower one, so that a
        # vertex counts once.
        first, last = np.ceil(sorted((y0, y1))).clip(0, height).astype(int)
        rows = np.arange(first, last)
        if rows.size:
            crossings = x0 + (rows - y0) * (x1 - x0) / (y1 - y0)
            columns = np.ceil(crossings).clip(0, width).astype(int)
            inside[rows, columns] ^= True
    return np.logical_xor.accumulate(inside, axis=1)[:, :-1]


def _regions(path: Path) -> list[tuple[str, list[np.ndarray]]]:
    """The name and closed contours (n, 3), in mm, of each region with any."""
    from pydicom import dcmread

    header = dcmread(path)
    # Several items may hold contours of one region.
    regions: dict[int, list[np.ndarray]] = {}
    called = {roi.ROINumber: text_of(roi.get('ROIName'))
              or f'region {roi.ROINumber}'
              for roi in header.StructureSetROISequence}
    for roi in header.ROIContourSequence:
        contours = [
            np.array(contour.ContourData, dtype=float).reshape(-1, 3)
            for contour in roi.get('ContourSequence') or []
            if contour.get('ContourData')
            and contour.get('ContourGeometricType', _CLOSED[0]) in _CLOSED]
        if not contours:
            continue
        if roi.ReferencedROINumber not in called:
            raise InputError(
                f'{path}: ROIContourSequence: expected a number of '
                f'StructureSetROISequence, {", ".join(map(str, called))}, '
                f'found contours of {roi.ReferencedROINumber}')
        regions.setdefault(roi.ReferencedROINumber, []).extend(contours)
    return [(called[number], found) for number, found in regions.items()]


def _is_same(polygon: np.ndarray, other: np.ndarray, limit: float) -> bool:
    """Whether two polygons (n, 2) are the same line, up to a distance.

    They may start at another vertex, run the other way round, or have other
    vertices on the same edges.
    """
    corners = ([line.min(0), line.max(0)] for line in (polygon, other))
    if np.abs(np.subtract(*corners)).max() > limit:
        return False
    return max(_distances(polygon, other).max(),
               _distances(other, polygon).max()) <= limit


def _distances(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """The distances of points (n, 2) to the edges of a polygon, (n,)."""
    edges = np.roll(polygon, -1, axis=0) - polygon
    lengths = np.maximum((edges**2).sum(1), 1e-12)
    nearest = np.full(len(points), np.inf)
    for start, edge, length in zip(polygon, edges, lengths, strict=True):
        along = ((points - start) @ edge / length).clip(0, 1)
        off = points - start - along[:, None] * edge
        nearest = np.minimum(nearest, np.linalg.norm(off, axis=1))
    return nearest


def _indices(points: np.ndarray, grid: Geometry) -> np.ndarray:
    """Points (n, 3) in mm as voxel indices x, y, z."""
    direction = np.array(grid['direction']).reshape(3, 3)
    # The direction matrix is orthonormal, so its inverse is its transpose.
    return (points - grid['origin']) @ direction / grid['spacing']


def _slice_of(indices: np.ndarray, grid: Geometry, where: str) -> int:
    """The slice that a contour's indices along z lie on."""
    z = int(np.rint(np.median(indices)))
    beside = np.abs(indices - z).max()
    if beside > _BESIDE:
        raise InputError(
            f'{where}: expected contours on the slices of its image, found '
            f'one {beside * grid["spacing"][2]:.3g} mm beside')
    if not 0 <= z < grid['size'][2]:
        raise InputError(
            f'{where}: expected contours on the {grid["size"][2]} slices of '
            f'its image, found one on slice {z}')
    return z
