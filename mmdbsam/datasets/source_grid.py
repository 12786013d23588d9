"""The way from the prepared grid back to the scan's own."""

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import geometry_of, set_geometry
from mmdbsam.io.prepared import PreparedCase


def on_source_grid(case: PreparedCase, volume: np.ndarray) -> sitk.Image:
    """A label volume on the grid of the scan that a case was made from.

    Its size, spacing, origin and direction are those of the scan's file. Where
    the case was resampled, each voxel of the scan takes the label of the
    nearest prepared voxel; otherwise no voxel changes.

    Args:
        case: The prepared case.
        volume: Labels (D, H, W) on the prepared grid.

    Raises:
        InputError: If the volume has another shape.
    """
    if volume.shape != case.shape:
        raise InputError(f"case '{case.name}': expected a volume of shape "
                         f'{case.shape}, found {volume.shape}')
    image = set_geometry(sitk.GetImageFromArray(volume), case.geometry)
    image = sitk.DICOMOrient(image, case.source['orientation'])
    source = case.source['geometry']
    if list(image.GetSize()) != source['size'] or not np.allclose(
            geometry_of(image)['spacing'], source['spacing']):
        target = set_geometry(sitk.Image(source['size'], image.GetPixelID()),
                              source)
        resampler = sitk.ResampleImageFilter()
        resampler.SetReferenceImage(target)
        resampler.SetInterpolator(sitk.sitkNearestNeighbor)
        resampler.SetUseNearestNeighborExtrapolator(True)
        image = resampler.Execute(image)
    return set_geometry(image, source)
