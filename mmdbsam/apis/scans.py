"""Reads images and volumes of any kind into one form."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import Optional, Union

import numpy as np
import SimpleITK as sitk
from PIL import Image

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import (
    Geometry,
    geometry_of,
    resample,
    respaced,
    set_geometry,
)
from mmdbsam.io.readers import Readers
from mmdbsam.io.readers.pictures import as_volume, picture_slice
from mmdbsam.io.readers.reader import Place, VolumeReader, check_channel
from mmdbsam.preparation.volumes import check_finite

AnyImage = Union[str, Path, np.ndarray, sitk.Image, Image.Image]


@dataclass(frozen=True)
class Scan:
    """An image or a volume on its own grid.

    Attributes:
        values: Intensities (D, H, W), or RGB (D, H, W, 3).
        geometry: The grid: ``size``, ``spacing``, ``origin`` and
            ``direction`` in SimpleITK's order (x, y, z), in mm.
        in_space: Whether lengths in millimetres are known.
        modality: The modality that files of its kind usually show; None if
            the scan has no file.
        name: The scan's name in messages.
        place: What the scan's file says about where it lies.
    """

    values: np.ndarray
    geometry: Geometry
    in_space: bool
    modality: Optional[str]
    name: str
    place: Optional[Place] = None

    @cached_property
    def digest(self) -> str:
        """The SHA-256 of the intensities, by which the scan is known again.
        """
        # Sessions are saved after every change of theirs.
        return sha256(np.ascontiguousarray(self.values)).hexdigest()

    def resampled(self, side: float) -> 'Scan':
        """Resample the scan to cubic voxels.

        Args:
            side: The cubes' side in mm.

        Raises:
            InputError: If the side is not positive, or the scan does not know
                its spacing.
        """
        if not side > 0:
            raise InputError(f'isotropic: expected a length > 0, found {side}')
        if not self.in_space:
            raise InputError(f'{self.name}: isotropic: expected an image that '
                             'knows its spacing, found one without')
        image = sitk.GetImageFromArray(self.values,
                                       isVector=self.values.ndim == 4)
        target = respaced(self.geometry, [side] * 3)
        values = resample(set_geometry(image, self.geometry), target,
                          sitk.sitkLinear)
        return Scan(values, target, True, self.modality, self.name)


def load_scan(image: AnyImage, spacing: Optional[Sequence[float]] = None,
              channel: Optional[int] = None, planar: bool = False) -> Scan:
    """Read an image from its file, or take one from memory.

    Args:
        image: A path; an array (H, W), (H, W, 3), (D, H, W) or (D, H, W, 3);
            or an image of SimpleITK or PIL.
        spacing: The spacing of an array, (x, y) or (x, y, z), in mm.
        channel: The index of the volume to take from a 4-D image.
        planar: Whether an array (H, W, 3) is an RGB image.

    Raises:
        InputError: If the image cannot be read, has other dimensions, or has
            values that are not finite numbers.
    """
    if spacing is not None and not isinstance(image, np.ndarray):
        raise InputError('spacing: expected it with an array only, found it '
                         f'with {_name(image)}')
    in_space, modality, place = True, None, None
    if isinstance(image, (str, Path)):
        reader = Readers(channel=channel).find(Path(image))
        volume = _existing(Path(image), reader)
        in_space, modality = reader.in_space, reader.modality_of(Path(image))
        place = reader.place(Path(image))
    elif isinstance(image, Image.Image):
        volume, in_space = picture_slice(image, 'image'), False
        modality = 'picture'
    elif isinstance(image, sitk.Image):
        volume = _three_dimensional(image, channel)
    elif isinstance(image, np.ndarray):
        volume = _from_array(image, spacing, channel, planar)
        in_space = spacing is not None
    else:
        raise InputError('image: expected a path, an array, or an image of '
                         f'SimpleITK or PIL, found {type(image).__name__}')
    values = sitk.GetArrayFromImage(volume)
    check_finite(values, _name(image))
    return Scan(values, geometry_of(volume), in_space, modality, _name(image),
                place)


def _existing(path: Path, reader: VolumeReader) -> sitk.Image:
    if not path.exists():
        raise InputError(f'{path}: no such file')
    return reader.read(path)


def _name(image: AnyImage) -> str:
    return (str(image) if isinstance(image, (str, Path))
            else f'image ({type(image).__module__.split(".")[0]})')


def _three_dimensional(image: sitk.Image, channel: Optional[int]
                       ) -> sitk.Image:
    """Make a volume with one value, or RGB, in each voxel."""
    if image.GetDimension() == 4:
        image = image[..., check_channel(channel, image.GetSize()[3],
                                         'image (SimpleITK)')]
    if image.GetDimension() == 2:
        image = sitk.JoinSeries(image)
    components = image.GetNumberOfComponentsPerPixel()
    if image.GetDimension() != 3 or components not in (1, 3):
        raise InputError('image (SimpleITK): expected up to 3 dimensions of '
                         f'one or three values, found {image.GetDimension()} '
                         f'of {components}')
    if 'complex' in image.GetPixelIDTypeAsString():
        raise InputError('image (SimpleITK): expected real numbers, found '
                         f'{image.GetPixelIDTypeAsString()}')
    return image


def _from_array(array: np.ndarray, spacing: Optional[Sequence[float]],
                channel: Optional[int], planar: bool) -> sitk.Image:
    if array.dtype.kind not in 'buif' or array.dtype.itemsize > 8:
        raise InputError('image (numpy): expected real numbers of up to 64 '
                         f'bits, found {array.dtype}')
    colour = array.ndim > 2 and array.shape[-1] == 3 and (
        array.ndim == 4 or planar)
    if array.ndim == 4 and not colour:
        array = array[check_channel(channel, len(array), 'image (numpy)')]
    shape = array.shape[:-1] if colour else array.shape
    if len(shape) not in (2, 3) or 0 in shape:
        raise InputError('image (numpy): expected the shape (H, W) or '
                         '(D, H, W), maybe with three channels, found '
                         f'{array.shape}')
    spacing = [1., 1., 1.] if spacing is None else [*spacing]
    if len(spacing) not in (len(shape), 3) or not all(
            np.isfinite(x) and x > 0 for x in spacing):
        raise InputError(f'spacing: expected {len(shape)} lengths > 0 in mm, '
                         f'found {spacing}')
    return as_volume(array[None] if len(shape) == 2 else array,
                     [*spacing, 1.][:3])
