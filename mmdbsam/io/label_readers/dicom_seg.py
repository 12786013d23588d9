"""Segments of a DICOM SEG object (DICOM part 3, A.51)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, set_geometry
from mmdbsam.io.label_readers.dicom_names import text_of
from mmdbsam.io.readers.dicom_frames import (
    Frame,
    functional_group,
    open_frames,
)

if TYPE_CHECKING:
    import pydicom

# A frame may lie this fraction of the slice distance beside its slice, because
# positions are rounded.
_BESIDE = 0.2


def names(path: Path) -> list[str]:
    """The labels of an object's segments."""
    from pydicom import dcmread

    header = dcmread(path, stop_before_pixels=True)
    return [_name(segment) for segment in _segments(header)]


def spaces(path: Path) -> set[str]:
    """The UIDs of the frames of reference, none if the object has none."""
    from pydicom import dcmread

    header = dcmread(path, stop_before_pixels=True)
    return {str(header.get('FrameOfReferenceUID') or '')} - {''}


def masks(path: Path, grid: Geometry) -> Iterator[sitk.Image]:
    """A mask for each segment, on the part of the grid that the object covers.

    The mask of a fractional segment holds the voxels whose coverage or
    probability is at least a half.
    """
    from pydicom import dcmread

    header = dcmread(path)
    frames = open_frames(path, header)
    slices, origin, step = _places(frames, grid, path)
    row, column = frames[0].direction.reshape(2, 3)
    geometry = dict(
        spacing=[*frames[0].spacing, step], origin=origin.tolist(),
        direction=np.stack([row, column, np.cross(row, column)],
                           axis=1).ravel().tolist())
    stored = header.pixel_array.reshape(-1, header.Rows, header.Columns)
    for segment in _segments(header):
        volume = np.zeros((max(slices) + 1, *stored.shape[1:]), np.uint8)
        for i, mask in _of_segment(stored, segment.SegmentNumber, header):
            volume[slices[i]] |= mask
        yield set_geometry(sitk.GetImageFromArray(volume), geometry)


def _of_segment(stored: np.ndarray, number: int, header: 'pydicom.Dataset'
                ) -> Iterator[tuple[int, np.ndarray]]:
    """The frames that show a segment, and its mask in each, bool (H, W)."""
    if header.SegmentationType == 'LABELMAP':
        for i, values in enumerate(stored):
            yield i, values == number
        return
    half = header.get('MaximumFractionalValue', 1) / 2
    for i, values in enumerate(stored):
        group = functional_group(header, i, 'SegmentIdentificationSequence')
        if group.ReferencedSegmentNumber == number:
            yield i, values >= half


def _places(frames: Sequence[Frame], grid: Geometry, path: Path
            ) -> tuple[list[int], np.ndarray, float]:
    """Which slice each frame is, from the lowest on.

    Frames exist only where there is a segment, so that the distances between
    them say little. Slices have the distance that the image has along the
    frames' normal.

    Returns:
        tuple: The index of each frame, the position of the lowest slice, and
        the distance of the slices, both in mm.
    """
    row, column = frames[0].direction.reshape(2, 3)
    normal = np.cross(row, column)
    towards = normal @ np.reshape(grid['direction'], (3, 3))
    step = float(grid['spacing'][np.abs(towards).argmax()])
    along = np.array([frame.position @ normal for frame in frames])
    exact = (along - along.min()) / step
    slices = np.rint(exact).astype(int)
    beside = np.abs(exact - slices).max()
    if beside > _BESIDE:
        raise InputError(
            f'{path}: expected frames on the slices of its image, every '
            f'{step:.4g} mm, found one {beside * step:.3g} mm beside')
    return slices.tolist(), frames[int(along.argmin())].position, step


def _segments(header: 'pydicom.Dataset') -> list['pydicom.Dataset']:
    """All segments but 0, which label maps have for uncovered voxels."""
    return [segment for segment in header.SegmentSequence
            if segment.SegmentNumber != 0]


def _name(segment: 'pydicom.Dataset') -> str:
    return (text_of(segment.get('SegmentLabel'))
            or f'segment {segment.SegmentNumber}')
