"""Images in a plane: PNG, JPEG, TIFF and BMP."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from PIL import ExifTags, Image, ImageOps, UnidentifiedImageError

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import (
    Geometry,
    flat_geometry,
    geometry_of,
    set_geometry,
)
from mmdbsam.io.readers.reader import VolumeReader

SUFFIXES = ('.png', '.jpg', '.jpeg', '.tif', '.tiff', '.bmp')
# PIL's modes with one value a pixel.
GREY = ('1', 'L', 'I', 'I;16', 'I;16B', 'I;16L', 'F')
# PIL also knows kinds of files that are programs, and would run them.
_KINDS = ('PNG', 'JPEG', 'TIFF', 'BMP')
#: What a loaded picture's ``info`` calls the factor by which PIL multiplied
#: its grey values, which labels are divided by.
STRETCHED = 'stretched'
_FACTORS = {'2': 85, '4': 17}
# The numbers of two TIFF tags.
_PHOTOMETRIC, _SAMPLE_FORMAT = 262, 339
_UNSIGNED, _SIGNED = 1, 2
# What PIL's modes are converted to that hold neither numbers nor colours.
_SHOWN = {'1': 'L', 'LA': 'L', 'RGBA': 'RGB', 'P': 'RGB', 'PA': 'RGB'}


class PictureReader(VolumeReader):
    """Reads grey images of up to 32 bits, and 8-bit RGB, as one slice.

    Palette indices become their colours, and RGB whose channels are equal
    everywhere becomes grey. Photographs are turned upright as their EXIF says.
    """

    suffixes = SUFFIXES
    modality = 'picture'
    in_space = False

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`; a pixel counts as 1 mm."""
        with opened(path) as image:
            if not _is_turned(image):
                return flat_geometry((*image.size, 1))
        return geometry_of(self.read(path))

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`; pixels have one value, or 8-bit RGB."""
        return picture_slice(load_picture(path), str(path))


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """Open a picture and read its header.

    Raises:
        InputError: If the file is not a picture, has several pages, or has
            values that PIL would change; also for any error within the
            context.
    """
    try:
        with warnings.catch_warnings():
            # Here a large image is not an attack, and an odd tag is not an
            # error.
            warnings.simplefilter('ignore')
            # Given a path, PIL maps TIFFs to memory and scrambles those that
            # it turns (at least in versions 11.0 to 13.0).
            with path.open('rb') as stream, Image.open(
                    stream, formats=_KINDS) as image:
                pages = getattr(image, 'n_frames', 1)
                if pages > 1:
                    raise InputError(f'{path}: expected one page, found '
                                     f'{pages}')
                _check_values(image, path)
                yield image
    except InputError:
        raise
    except UnidentifiedImageError as error:
        raise InputError(
            f'{path}: expected an intact PNG, JPEG, TIFF or BMP image of at '
            'most 32 bits a value, found something else') from error
    # PIL's decoders may raise anything.
    except Exception as error:
        raise InputError(f'{path}: expected an intact image, found: '
                         f'{type(error).__name__}: {error}') from error


def load_picture(path: Path) -> Image.Image:
    """Load a picture completely, and turn it upright.

    Raises:
        InputError: As in :func:`opened`, and if the data are incomplete or
            corrupt, as far as the format reveals it.
    """
    with opened(path) as image:
        # Loading does not check the checksums of a PNG.
        image.verify()
    with opened(path) as image:
        # PIL turns TIFFs itself when it loads them.
        turned = image.format != 'TIFF' and _is_turned(image)
        factor = _stretch(image)
        image.load()
        if factor > 1:
            image.info[STRETCHED] = factor
        if turned:
            ImageOps.exif_transpose(image, in_place=True)
        return image


def _stretch(image: Image.Image) -> int:
    """By what PIL multiplies grey values of 2 or 4 bits, to have 8 bits."""
    arguments = image.tile[0][3] if image.tile else ''
    mode = arguments if isinstance(arguments, str) else str(arguments[0])
    return _FACTORS.get(mode.partition(';')[2].rstrip('IR'), 1) if (
        image.mode == 'L') else 1


def picture_slice(image: Image.Image, name: str) -> sitk.Image:
    """A picture as a volume of one slice; see :class:`PictureReader`.

    Args:
        image: A completely loaded picture.
        name: The name that messages give the picture.

    Raises:
        InputError: If pixels are transparent, or neither grey nor RGB.
    """
    if image.mode in ('P', 'PA') or _has_alpha(image):
        coloured = image.convert('RGBA')
        if coloured.getchannel('A').getextrema()[0] < 255:
            raise InputError(f'{name}: expected an opaque image, found pixels '
                             'that are transparent')
        # PIL warns when it converts a palette with transparency straight to
        # RGB.
        image = coloured if image.mode in ('P', 'PA') else image
    if image.mode in _SHOWN:
        image = image.convert(_SHOWN[image.mode])
    if image.mode not in (*GREY, 'RGB'):
        raise InputError(f'{name}: expected a grey or RGB image, found the '
                         f'mode {image.mode}')
    return one_slice(pixels_of(image))


def pixels_of(image: Image.Image) -> np.ndarray:
    """The values of a picture, (H, W) or (H, W, 3)."""
    values = np.asarray(image)
    if (image.mode == 'I' and image.format == 'TIFF'
            and _tag(image, _SAMPLE_FORMAT) in (None, _UNSIGNED)):
        return values.view(np.uint32)
    return values


def one_slice(values: np.ndarray) -> sitk.Image:
    """Values (H, W) or (H, W, 3) as one slice of 1 mm a pixel."""
    return as_volume(values[None])


def as_volume(values: np.ndarray,
              spacing: tuple[float, ...] = (1, 1, 1)) -> sitk.Image:
    """An array as an axial volume.

    Args:
        values: Booleans or numbers of at most 64 bits, (D, H, W) or RGB (D, H,
            W, 3). RGB whose channels are equal becomes grey.
        spacing: The spacing (x, y, z) in mm.
    """
    if values.ndim == 4 and (values == values[..., :1]).all():
        values = values[..., 0]
    # SimpleITK has no booleans and no half precision.
    dtype = {'?': np.uint8, 'e': np.float32}.get(
        values.dtype.char, values.dtype.newbyteorder('='))
    image = sitk.GetImageFromArray(np.ascontiguousarray(values, dtype),
                                   isVector=values.ndim == 4)
    return set_geometry(image, flat_geometry(image.GetSize(), spacing))


def _check_values(image: Image.Image, path: Path) -> None:
    """Refuse values that PIL silently changes."""
    expected = found = None
    decoder = str(image.tile[0][3]) if image.tile else ''
    if image.mode in ('RGB', 'RGBA') and ';16' in decoder:
        expected, found = '8 bits a channel where there are several', '16 bits'
    elif image.mode == 'L' and _tag(image, _SAMPLE_FORMAT) == _SIGNED:
        expected, found = 'values without a sign', 'signed ones of 8 bits'
    elif image.mode not in ('1', 'L') and _tag(image, _PHOTOMETRIC) == 0:
        expected, found = 'black as the lowest value', 'white'
    if found:
        raise InputError(f'{path}: expected {expected}, found {found}')


def _tag(image: Image.Image, tag: int) -> int | None:
    """The first value of a TIFF tag; None if the image does not have it."""
    value = getattr(image, 'tag_v2', {}).get(tag)
    return value[0] if isinstance(value, tuple) else value


def _is_turned(image: Image.Image) -> bool:
    """Whether the EXIF in a header says that the image must be turned."""
    # PIL would decode a PNG to look for EXIF behind its pixels.
    if image.format == 'PNG' and 'exif' not in image.info:
        return False
    return image.getexif().get(ExifTags.Base.Orientation, 1) != 1


def _has_alpha(image: Image.Image) -> bool:
    """Whether pixels can be transparent."""
    return image.mode in ('LA', 'RGBA') or 'transparency' in image.info
