"""Labels in MedSAM's and DB-SAM's numpy files."""

from collections.abc import Iterator
from pathlib import Path

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.label_readers.label_reader import LabelMap, LabelReader
from mmdbsam.io.readers.medsam import SUFFIXES, load_array, named, read_headers
from mmdbsam.io.readers.pictures import as_volume
from mmdbsam.io.readers.reader import without_suffix


class IndexArrayReader(LabelReader):
    """Reads ids (D, H, W) or (H, W): ``gts`` of an ``.npz``, or an ``.npy``.
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
        yield LabelMap(as_volume(
            values if values.ndim == 3 else values[None], grid['spacing']),
                       may_be_white=True)
