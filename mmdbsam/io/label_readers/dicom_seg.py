"""Segments of a DICOM SEG object (DICOM part 3, A.51)."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import SimpleITK as sitk

from mmdbsam.geometry.grids import Geometry, set_geometry

if TYPE_CHECKING:
    import pydicom


def names(path: Path) -> list[str]:
    """The labels of an object's segments."""
    from pydicom import dcmread

    header = dcmread(path, stop_before_pixels=True)
    return [str(segment.SegmentLabel) for segment in header.SegmentSequence
            if not _is_background(segment)]


def masks(path: Path, grid: Geometry) -> Iterator[sitk.Image]:
    """A mask for each segment, on the part of the grid that the object covers.

    The mask of a fractional segment holds the voxels whose coverage or
    probability is at least a half.
    """
    from highdicom.seg import Segmentation
    from pydicom import dcmread

    header = dcmread(path)
    _set_slice_spacing(header, grid)
    segmentation = Segmentation.from_dataset(header, copy=False)
    for segment in segmentation.SegmentSequence:
        if _is_background(segment):
            continue
        volume = segmentation.get_volume(
            segment_numbers=[segment.SegmentNumber])
        values = volume.array[..., 0]
        # Arrays have the axes (z, y, x).
        spacing = np.array(volume.spacing)[::-1]
        columns = volume.affine[:3, 2::-1]
        yield set_geometry(
            sitk.GetImageFromArray((values >= 0.5).astype(np.uint8)),
            dict(spacing=spacing.tolist(),
                 origin=volume.affine[:3, 3].tolist(),
                 direction=(columns / spacing).ravel().tolist()))


def _set_slice_spacing(header: 'pydicom.Dataset', grid: Geometry) -> None:
    """Give frames the slice distance of the image, whatever their own is.

    Slices without a segment have no frames, so the distance between the frames
    that exist says little.
    """
    shared = header.SharedFunctionalGroupsSequence[0]
    if 'PlaneOrientationSequence' in shared:
        row, column = np.reshape(
            shared.PlaneOrientationSequence[0].ImageOrientationPatient, (2, 3))
        along = np.cross(row, column) @ np.reshape(grid['direction'], (3, 3))
        shared.PixelMeasuresSequence[0].SpacingBetweenSlices = (
            grid['spacing'][np.abs(along).argmax()])


def _is_background(segment: 'pydicom.Dataset') -> bool:
    """Whether it is segment 0, which label maps have for uncovered voxels."""
    return segment.SegmentNumber == 0
