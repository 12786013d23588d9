"""Fixtures of the data tests."""

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import volume

from mmdbsam.preparation import LabelFile, SourceCase


@pytest.fixture
def write_case():
    """Write an image and a label volume into a source folder, as a case."""

    def write(source, name, image=None, label=None):
        if image is None:
            image = volume(np.arange(2000).reshape(20, 10, 10) % 90)
        if label is None:
            label = volume(np.ones((20, 10, 10), np.uint8))
        for folder, content in (('images', image), ('labels', label)):
            (source / folder).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(content, str(source / folder / name))
        return SourceCase(name.split('.')[0], source / 'images' / name,
                          (LabelFile(source / 'labels' / name), ))

    return write
