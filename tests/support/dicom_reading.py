"""Reading DICOM images, and what is refused."""

import numpy as np
import pytest
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.io.readers import Readers


def read(path, **options):
    """The values and the grid, which must be the one found without values."""
    reader = Readers(**options).find(path)
    image, geometry = reader.read(path), reader.geometry(path)
    assert geometry['size'] == list(image.GetSize())
    np.testing.assert_allclose(geometry['spacing'], image.GetSpacing())
    np.testing.assert_allclose(geometry['origin'], image.GetOrigin())
    return sitk.GetArrayFromImage(image), geometry


def refused(path, **options):
    with pytest.raises(InputError, match=r'^.*$') as error:
        Readers(**options).find(path).geometry(path)
    return str(error.value)
