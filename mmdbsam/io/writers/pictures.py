"""The writer of label images in a plane."""

from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import Geometry
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.readers import PictureReader
from mmdbsam.io.writers.writer import SegmentationWriter
from mmdbsam.structures.colours import label_rgb
from mmdbsam.structures.results import VolumeResult

_HIGHEST_ID = 255


class PngWriter(SegmentationWriter):
    """Writes a PNG whose palette indices are the objects' ids.

    A viewer shows the objects in the colours of the overlays. The file's text
    chunks hold their names.
    """

    suffixes = ('.png', )
    readers = (PictureReader, )

    def check(self, image: Path, geometry: Geometry) -> None:
        """See :class:`SegmentationWriter`; the image must be one slice."""
        if geometry['size'][2] > 1:
            raise InputError(f'{image}: expected one slice to write a PNG of, '
                             f'found {geometry["size"][2]}; write NIfTI or '
                             'NRRD')

    def write(self, result: VolumeResult, image: Path, path: Path) -> None:
        """See :class:`SegmentationWriter`."""
        self.check(image, result.geometry)
        if max(result.ids) > _HIGHEST_ID:
            raise InputError(f'{path}: expected ids up to {_HIGHEST_ID} in a '
                             f'PNG, found {max(result.ids)}; write NIfTI or '
                             'NRRD')
        colours = np.zeros((max(result.ids) + 1, 3))
        for label_id in result.ids:
            colours[label_id] = label_rgb(label_id)
        picture = Image.fromarray(result.labels[0], 'P')
        picture.putpalette(np.rint(255 * colours).astype(np.uint8).tobytes())
        names = PngImagePlugin.PngInfo()
        for label_id, name in zip(result.ids, result.names, strict=True):
            names.add_itxt(f'label {label_id}', name)
        with staged_file(path) as partial:
            picture.save(partial, pnginfo=names)
