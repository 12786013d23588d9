"""Rough labels of a volume, as prompts for the objects in it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import numpy as np
import SimpleITK as sitk
from scipy import ndimage

from mmdbsam.apis.scans import Scan, load_scan
from mmdbsam.apis.volume.prompts import CoarseLabels
from mmdbsam.apis.volume.regions import MaskRegion, VolumeObject
from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import (
    differences,
    format_numbers,
    geometry_of,
    orientation,
    resample,
    set_geometry,
)
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.readers.reader import Place
from mmdbsam.preparation.label_layers import ROUNDING, read_layers
from mmdbsam.preparation.label_table import LabelTable
from mmdbsam.preparation.layouts.folder_pairs import files_in

# The greatest difference in mm between two grids taken to be the same.
_TOLERANCE = 1e-3


class CoarseLabelReader:
    """Finds the objects that rough labels show.

    Args:
        scan: The volume on its own grid, which the labels belong to.
        working: The volume that is segmented: the scan itself, or a resampled
            copy of it.
    """

    def __init__(self, scan: Scan, working: Scan) -> None:
        self.scan = scan
        self.working = working

    def objects(self, name: Optional[str], prompt: CoarseLabels
                ) -> Iterator[VolumeObject]:
        """Find the objects of a prompt.

        Args:
            name: The name that the user gave the prompt, if any.
            prompt: The prompt.

        Raises:
            InputError: If the labels cannot be read, are on another grid or
                show nothing.
        """
        what = f"prompt '{name}'" if name else 'prompt'
        if isinstance(prompt.labels, (str, Path)):
            layers, names = self._labels_in(Path(prompt.labels))
        else:
            layers, names = [self._given_labels(prompt, what)], {}
        found = [(i, where, layer) for layer in layers for i, where
                 in enumerate(ndimage.find_objects(layer), start=1) if where]
        if not found:
            raise InputError(f'{what}: labels: expected at least one label, '
                             'found only 0')
        for i, where, layer in sorted(found, key=lambda one: one[0]):
            own = name if name and len(found) == 1 else \
                f'{name} {i}' if name else names.get(i, f'label {i}')
            start = np.array([part.start for part in reversed(where)], float)
            yield VolumeObject(i, own, MaskRegion(
                layer[where] == i, start, float(prompt.margin)))

    def _labels_in(self, path: Path
                   ) -> Tuple[List[np.ndarray], Dict[int, str]]:
        """Read labels as :mod:`mmdbsam.preparation` does.

        Returns:
            tuple: The label ids (D, H, W) on the working grid, in layers of
            labels that do not overlap, and the names of ids that have one.
        """
        if not path.exists():
            raise InputError(f'{path}: no such file')
        geometry, readers = self.scan.geometry, LabelReaders()
        files = files_in(path, readers)
        declared: Dict[int, str] = {}
        names: List[str] = []
        for file in files:
            reader = readers.find(file.path)
            declared.update(reader.declared(file.path))
            names += [file.name] if file.name else reader.names(file.path)
        table = LabelTable.of_names(declared, names)
        place = self.scan.place or Place(geometry)
        layers = read_layers(files, readers, table, place,
                             orientation(geometry))
        if self.working is not self.scan:
            layers = [resample(set_geometry(sitk.GetImageFromArray(layer),
                                            geometry), self.working.geometry,
                               sitk.sitkNearestNeighbor) for layer in layers]
        return layers, table.names

    def _given_labels(self, prompt: CoarseLabels, what: str) -> np.ndarray:
        """Check an array or image of ids, and bring it to the working grid.

        Returns:
            np.ndarray: The label ids (D, H, W).
        """
        geometry = self.scan.geometry
        if isinstance(prompt.labels, np.ndarray):
            image = sitk.GetImageFromArray(_whole(prompt.labels, what))
            if image.GetDimension() == 3 and (
                    list(image.GetSize()) == geometry['size']):
                set_geometry(image, geometry)
        else:
            read = load_scan(prompt.labels)
            image = sitk.GetImageFromArray(_whole(read.values, what))
            set_geometry(image, read.geometry)
            image = sitk.DICOMOrient(image, orientation(geometry))
        found = geometry_of(image)
        for key in differences(geometry, found, _TOLERANCE):
            raise InputError(
                f'{what}: labels: expected the {key} of the volume, '
                f'{format_numbers(geometry[key])}, found '
                f'{format_numbers(found[key])}')
        if self.working is self.scan:
            return sitk.GetArrayFromImage(image)
        return resample(image, self.working.geometry,
                        sitk.sitkNearestNeighbor)


def _whole(values: np.ndarray, what: str) -> np.ndarray:
    if values.dtype.kind == 'b':
        return values.astype(np.uint8)
    if values.dtype.kind not in 'ui':
        if (np.abs(values - np.rint(values)) > ROUNDING).any():
            raise InputError(f'{what}: labels: expected whole numbers, found '
                             'others')
        values = np.rint(values)
    if values.min() < 0 or values.max() > 65535:
        raise InputError(f'{what}: labels: expected ids in 0..65535, found '
                         f'{values.min():g}..{values.max():g}')
    return values.astype(np.uint16)
