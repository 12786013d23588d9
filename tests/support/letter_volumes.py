"""Volumes of a bright object that has no symmetry."""

from functools import partial
from itertools import permutations, product

import numpy as np
import SimpleITK as sitk

from mmdbsam.apis import VolumeBox

BRIGHT = 200
# A box whose masks are known without following anything.
EachSlice = partial(VolumeBox, each_slice=True)


def letter(shape=(20, 24, 32)):
    """The object, bool (D, H, W)."""
    mask = np.zeros(shape, bool)
    mask[3:15, 4:8, 6:10] = True
    mask[3:6, 4:20, 6:10] = True
    mask[3:5, 4:6, 6:29] = True
    return mask


def as_image(mask, oblique=True):
    """An anisotropic image of 8 bits that is bright where the mask is."""
    image = sitk.GetImageFromArray(np.where(mask, BRIGHT, 0).astype(np.uint8))
    image.SetSpacing((0.7, 0.9, 2.5))
    image.SetOrigin((-100.5, 37.25, 12.125))
    if oblique:
        rotation = sitk.Euler3DTransform((0, 0, 0), 0.2, -0.1, 0.3)
        image.SetDirection(rotation.GetMatrix())
    return image


def stored_otherwise(image):
    """The same volume in space, stored along its axes in all 48 ways."""
    for order in permutations(range(3)):
        for flips in product((False, True), repeat=3):
            yield sitk.Flip(sitk.PermuteAxes(image, order), flips)


def box_of(mask):
    """The box x0, y0, z0, x1, y1, z1 of a mask, inclusive."""
    places = np.argwhere(mask)[:, ::-1]
    return [*places.min(0).tolist(), *places.max(0).tolist()]


def column():
    """A bright column of 30 slices whose sides wander, bool (30, 32, 32)."""
    volume = np.zeros((30, 32, 32), bool)
    for z in range(30):
        x = 8 + z // 5
        volume[z, 10:20, x:x + 8] = True
    return volume
