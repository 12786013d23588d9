"""Writing one case of the format that :mod:`mmdbsam.io.prepared` reads."""

import hashlib
import json
import os
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_folder
from mmdbsam.io.checksums import sha256
from mmdbsam.io.prepared_form import FORMAT_VERSION
from mmdbsam.io.readers.files import files_of
from mmdbsam.io.windowing import Window, fit_windows, to_eight_bits
from mmdbsam.preparation.cases import CaseOptions, SourceCase
from mmdbsam.preparation.volumes import LabelledVolume, read_case

RECORD = 'case.json'
#: The files of a case's arrays.
ARRAYS = ('image.npy', 'label.npy', 'areas.npy')


def write_case(case: SourceCase, options: CaseOptions, root: Path,
               checksum: str) -> dict:
    """Prepare a case; its folder appears only once it is complete.

    Args:
        case: The case's files.
        options: How the case is prepared.
        root: The folder of the prepared data set.
        checksum: The result of :func:`checksum_of`, which is recorded.

    Returns:
        The case's record.

    Raises:
        InputError: If the case cannot be prepared.
        WriteError: If its files cannot be written.
    """
    volume = read_case(case, options)
    windows = _fit(volume, options, case)
    dropped = drop_small(volume.layers, options)
    areas = count_areas(volume.layers)
    ids = np.flatnonzero(areas.any(axis=0)).tolist()
    if not ids:
        raise InputError(
            f'{case.labels[0].path}: expected a label of at least '
            f'{options.min_volume} voxels (--min-volume) with '
            f'{options.min_area} px in a slice (--min-area), found none')
    record = dict(
        name=case.name,
        checksum=checksum,
        shape=list(volume.layers[0].shape),
        geometry=volume.geometry,
        modality=volume.modality,
        windows=[asdict(window) for window in windows],
        labels=ids,
        dropped={options.table.name_of(i): counts
                 for i, counts in dropped.items()},
        split=case.split,
        group=case.group or volume.patient,
        source=dict(
            image=str(Path(case.image.parent.name, case.image.name)),
            labels=[str(Path(file.path.parent.name, file.path.name))
                    for file in case.labels],
            **volume.source))
    with staged_folder(root / case.name) as folder:
        _write_image(folder / 'image.npy', volume.image, windows)
        narrow = np.uint8 if ids[-1] <= 255 else np.uint16
        np.save(folder / 'label.npy', np.stack(
            [layer.astype(narrow) for layer in volume.layers]))
        np.save(folder / 'areas.npy', areas[:, ids])
        record['files'] = {name: sha256(folder / name) for name in ARRAYS}
        record['seal'] = _seal(record)
        (folder / RECORD).write_text(json.dumps(record, indent=1))
    return record


def kept_record(folder: Path, checksum: str) -> dict | None:
    """The record of a case that need not be prepared again.

    Args:
        folder: The folder of the prepared case, which may be missing.
        checksum: The result of :func:`checksum_of`.

    Returns:
        The record, if the case was made from the same files and options, and
        its own files are as they were written; None otherwise.
    """
    try:
        record = json.loads((folder / RECORD).read_text(encoding='utf-8'))
        whole = record['seal'] == _seal(record) and all(
            sha256(folder / name) == record['files'][name]
            for name in ARRAYS)
        return record if whole and record['checksum'] == checksum else None
    # A damaged record is any JSON or none.
    except (OSError, ValueError, TypeError, LookupError, RecursionError):
        return None


def _seal(record: dict) -> str:
    """A hash of a record, by which a damaged one is known."""
    content = {key: value for key, value in record.items() if key != 'seal'}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()
                          ).hexdigest()


def checksum_of(case: SourceCase, options: CaseOptions) -> str:
    """A hash of everything that determines the prepared case."""
    digest = hashlib.sha256()
    for file in (case.image, *(label.path for label in case.labels)):
        for part in files_of(file):
            name = os.path.relpath(part, file)
            if not part.is_file():
                # Its image cannot be read; it may be there the next time.
                digest.update(f'{name} is missing'.encode())
                continue
            digest.update(f'{name} {part.stat().st_size} '.encode())
            with part.open('rb') as stream:
                while chunk := stream.read(1 << 20):
                    digest.update(chunk)
    names = [label.name for label in case.labels]
    digest.update(repr((FORMAT_VERSION, options, names, case.split,
                        case.group)).encode())
    return digest.hexdigest()


def drop_small(layers: list[np.ndarray], options: CaseOptions
               ) -> dict[int, dict[str, int]]:
    """Remove labels that are too small, in place.

    Returns:
        dict: By label id, what was removed, ``voxels`` in ``slices`` slices.
    """
    areas = count_areas(layers)
    few = areas < options.min_area
    if len(areas) > 1:
        few |= areas.sum(axis=0) < options.min_volume
    few &= areas > 0
    for z in np.flatnonzero(few.any(axis=1)):
        for layer in layers:
            layer[z][few[z][layer[z]]] = 0
    return {int(i): dict(voxels=int(areas[few[:, i], i].sum()),
                         slices=int(few[:, i].sum()))
            for i in np.flatnonzero(few.any(axis=0))}


def count_areas(layers: list[np.ndarray]) -> np.ndarray:
    """The pixels of each id in each slice, int32 (D, highest id + 1).

    The column of background, 0, holds zeros.
    """
    length = max(int(layer.max()) for layer in layers) + 1
    areas = np.zeros((len(layers[0]), length), np.int32)
    for layer in layers:
        for z, values in enumerate(layer):
            areas[z] += np.bincount(values.ravel(), minlength=length)
    areas[:, 0] = 0
    return areas


def _fit(volume: LabelledVolume, options: CaseOptions, case: SourceCase
         ) -> list[Window]:
    """The one window of a case, or those of its three channels."""
    try:
        return fit_windows(volume.image, volume.modality, options.windows)
    except InputError as error:
        raise InputError(f'{case.image}: {error}') from error


def _write_image(path: Path, values: np.ndarray, windows: list[Window]
                 ) -> None:
    shape = values.shape + (len(windows), ) * (len(windows) > 1)
    # Memory that is mapped to a file would end the process on a full disk.
    with path.open('wb') as stream:
        np.lib.format.write_array_header_1_0(stream, dict(
            descr='|u1', fortran_order=False, shape=shape))
        # Windows work in floating point, so one slice at a time saves memory.
        for slice_values in values:
            stream.write(np.ascontiguousarray(
                to_eight_bits(slice_values, windows)).data)
