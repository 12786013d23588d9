"""MedSAM's and DB-SAM's numpy files."""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry, flat_geometry
from mmdbsam.io.readers.pictures import as_volume
from mmdbsam.io.readers.reader import VolumeReader
from mmdbsam.io.readers.stored_voxels import refuse_bomb

SUFFIXES = ('.npz', '.npy')
# The shape and type of an array.
Header = tuple[tuple[int, ...], np.dtype]


class MedsamReader(VolumeReader):
    """Reads 8-bit images, which are axial and have no place in space.

    - ``.npz`` as MedSAM's preprocessing writes it: ``imgs`` is (D, H, W) or
      RGB (D, H, W, 3), or (H, W) or (H, W, 3) in a plane. It may have ``gts``
      of the same shape without the channels, which tells these apart, and
      ``spacing`` (x, y, z) in mm.
    - ``.npz`` with ``img`` (H, W, 3), as DB-SAM's release trains on.
    - ``.npy`` (H, W, 3) of floats in 0..1, as MedSAM trains on, or of 8 bits.
    """

    suffixes = SUFFIXES
    modality = 'unknown'
    in_space = False

    def geometry(self, path: Path) -> Geometry:
        """See :class:`VolumeReader`."""
        headers = read_headers(path)
        _, shape = _image_in(headers, path)
        return flat_geometry(shape[2::-1], _spacing(headers, path))

    def read(self, path: Path) -> sitk.Image:
        """See :class:`VolumeReader`."""
        headers = read_headers(path)
        key, shape = _image_in(headers, path)
        values = _eight_bits(load_array(path, key), named(path, key))
        return as_volume(values.reshape(shape), _spacing(headers, path))


def read_headers(path: Path) -> dict[str, Header]:
    """The headers of an ``.npz``'s arrays by key, or of an ``.npy`` as ''.

    Raises:
        InputError: If the file or a header is corrupt.
    """
    try:
        if path.suffix.lower() == '.npy':
            with path.open('rb') as stream:
                return {'': _header(stream)}
        headers = {}
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                if name.endswith('.npy'):
                    with archive.open(name) as stream:
                        headers[name.removesuffix('.npy')] = _header(stream)
        return headers
    # numpy does not document what it raises for a corrupt file.
    except Exception as error:
        raise InputError(f'{path}: expected intact arrays of numpy, found: '
                         f'{_first_line(error)}') from error


def load_array(path: Path, key: str) -> np.ndarray:
    """Load one of the arrays that :func:`read_headers` finds.

    Raises:
        InputError: If it is truncated or corrupt, or holds objects, which
            loading could execute.
    """
    if read_headers(path)[key][1].hasobject:
        raise InputError(f'{named(path, key)}: expected numbers, found Python '
                         'objects')
    try:
        loaded = np.load(path, allow_pickle=False)
        if not key:
            return loaded
        with loaded:
            stored = loaded.zip.getinfo(f'{key}.npy')
            refuse_bomb(path, stored.file_size, stored.compress_size)
            return loaded[key]
    except InputError:
        raise
    # A corrupt file may raise anything, as in read_headers.
    except Exception as error:
        raise InputError(f'{named(path, key)}: expected an intact array, '
                         f'found: {_first_line(error)}') from error


def named(path: Path, key: str) -> str:
    """A file and the key of an array in it, for messages."""
    return f'{path}: {key}' if key else str(path)


def _header(stream: BinaryIO) -> Header:
    version = np.lib.format.read_magic(stream)
    read = (np.lib.format.read_array_header_1_0 if version == (1, 0)
            else np.lib.format.read_array_header_2_0)
    shape, _, dtype = read(stream)
    return shape, dtype


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)


def _image_in(headers: Mapping[str, Header], path: Path
              ) -> tuple[str, tuple[int, ...]]:
    """The key of the image, and its shape (D, H, W) or (D, H, W, 3)."""
    key = next((key for key in ('imgs', 'img', '') if key in headers), None)
    if key is None:
        raise InputError(f'{path}: expected imgs or img, found '
                         f'{", ".join(headers) or "nothing"}')
    shape, _ = headers[key]
    colour = len(shape) > 2 and shape[-1] == 3
    if 'gts' in headers:
        mask, _ = headers['gts']
        colour = colour and shape != mask
        if mask != (shape[:-1] if colour else shape):
            raise InputError(f'{path}: gts: expected the shape of {key}, '
                             f'{shape}, maybe without three channels, found '
                             f'{mask}')
    planes = shape[:-1] if colour else shape
    if len(planes) not in (2, 3) or 0 in planes:
        raise InputError(f'{named(path, key)}: expected the shape (D, H, W) '
                         f'or (H, W), maybe with three channels, found '
                         f'{shape}')
    return key, shape if len(planes) == 3 else (1, *shape)


def _eight_bits(values: np.ndarray, where: str) -> np.ndarray:
    if values.dtype.kind == 'f':
        lowest, highest = values.min(), values.max()
        # The condition is written so that NaN is refused too.
        if not (lowest >= 0 and highest <= 1):
            raise InputError(f'{where}: expected floats in 0..1, found '
                             f'{lowest:g}..{highest:g}')
        return np.rint(values * 255).astype(np.uint8)
    if values.dtype != np.uint8:
        raise InputError(f'{where}: expected an image of 8 bits or of floats '
                         f'in 0..1, found {values.dtype}')
    return values


def _spacing(headers: Mapping[str, Header], path: Path) -> tuple[float, ...]:
    """The spacing (x, y, z) in mm."""
    if 'spacing' not in headers:
        return 1, 1, 1
    spacing = load_array(path, 'spacing')
    if (spacing.shape != (3, ) or spacing.dtype.kind not in 'iuf'
            or not (np.isfinite(spacing) & (spacing > 0)).all()):
        raise InputError(f'{path}: spacing: expected three lengths > 0 in mm, '
                         f'found {spacing.tolist()}')
    return tuple(spacing.tolist())
