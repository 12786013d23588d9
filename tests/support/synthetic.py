"""Made-up volumes."""

import numpy as np
import SimpleITK as sitk

from mmdbsam.preparation import CaseOptions

# The made-up labels are small.
KEEP_ALL = CaseOptions(min_volume=0, min_area=0)


def volume(array, spacing=(1, 1, 1), origin=(0, 0, 0),
           direction=(1, 0, 0, 0, 1, 0, 0, 0, 1)):
    """A SimpleITK volume of a (z, y, x) array."""
    array = np.asarray(array)
    image = sitk.GetImageFromArray(
        array.astype(np.int16) if array.dtype == np.int64 else array)
    image.SetSpacing(spacing)
    image.SetOrigin(origin)
    image.SetDirection(direction)
    return image
