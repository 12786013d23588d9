"""Labels in MedSAM's and DB-SAM's numpy files."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.label_readers.one_hot import as_mask, first_label
from mmdbsam.io.readers.medsam import SUFFIXES, load_array, named, read_headers
from mmdbsam.io.readers.pictures import as_volume
from mmdbsam.io.readers.reader import without_suffix


class IndexArrayReader(LabelReader):
    """Reads ids (D, H, W) or (H, W): ``gts`` of an ``.npz``, or an ``.npy``.

    An image in a plane may also have a mask for each label, (C, H, W) or
    (H, W, C); see :mod:`.one_hot`.
    """

    def case_name(self, path: Path) -> str | None:
        """See :class:`LabelReader`."""
        return without_suffix(path, SUFFIXES)

    def read(self, path: Path, grid: Geometry, space: str | None = None
             ) -> Iterator[LabelMap]:
        """See :class:`LabelReader`; the array takes the image's spacing."""
        headers = read_headers(path)
        key = next((key for key in ('gts', '') if key in headers), None)
        if key is None:
            raise InputError(f'{path}: expected gts, found '
                             f'{", ".join(headers) or "nothing"}')
        values = load_array(path, key)
        if (values.ndim not in (2, 3) or not values.size
                or values.dtype.kind not in 'biuf'
                or values.dtype.itemsize > 8):
            raise InputError(
                f'{named(path, key)}: expected label ids of the shape (D, H, '
                f'W) or (H, W), found {values.dtype} of {values.shape}')
        if values.shape == (*grid['size'][1::-1], 1):
            values = values[..., 0]
        masks = _channels(values, grid)
        if masks is not None:
            first = first_label(masks.sum(axis=0), named(path, key))
            for label, mask in enumerate(masks[1 - first:], start=1):
                yield LabelMap(as_volume(
                    label * mask[None].astype(np.uint16), grid['spacing']))
            return
        yield LabelMap(as_volume(
            values if values.ndim == 3 else values[None], grid['spacing']),
                       may_be_white=True)


def _channels(values: np.ndarray, grid: Geometry) -> np.ndarray | None:
    """The masks (C, H, W) of an image in a plane, if that is what these are.
    """
    width, height, depth = grid['size']
    if depth > 1 or values.ndim != 3 or 1 in values.shape:
        return None
    for channels in (values, np.moveaxis(values, -1, 0)):
        if channels.shape[1:] == (height, width):
            return as_mask(channels)
    return None
