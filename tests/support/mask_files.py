"""Masks that are saved as pictures."""

import numpy as np
from PIL import Image
from synthetic import KEEP_ALL

from mmdbsam.preparation import LabelFile, SourceCase, read_case

RNG = np.random.default_rng(0)


def disc(size=80, radius=20):
    y, x = np.mgrid[:size, :size]
    return (y - size / 2)**2 + (x - size / 2.2)**2 < radius**2


def ids_of(tmp_path, values, name='m.png'):
    """The ids (H, W) of a mask that is saved as a picture."""
    image = tmp_path / 'image.png'
    Image.fromarray(RNG.integers(0, 99, values.shape, np.uint8)).save(image)
    mask = tmp_path / name
    Image.fromarray(values).save(mask)
    return read_case(SourceCase('a', image, (LabelFile(mask), )),
                     KEEP_ALL).layers[0][0]
