"""All labels of a case on one grid, with overlaps in layers."""

from collections.abc import Iterator
from itertools import combinations, product

import numpy as np
import SimpleITK as sitk

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import (
    Geometry,
    differences,
    format_numbers,
    geometry_of,
    orientation,
    oriented,
    same_grid,
    set_geometry,
)
from mmdbsam.io.label_readers import LabelMap, LabelReaders
from mmdbsam.io.label_readers.label_reader import HIGHEST_ID, WHITE
from mmdbsam.io.readers.reader import Place
from mmdbsam.preparation.cases import LabelFile
from mmdbsam.preparation.label_table import LabelTable

# Two grids are the same up to this difference, in mm.
TOLERANCE = 1e-3
# A value is a label's id if it is this near to a whole number.
ROUNDING = 1e-3


def read_layers(files: tuple[LabelFile, ...], readers: LabelReaders,
                table: LabelTable, source: Place,
                letters: str) -> list[np.ndarray]:
    """Read the labels of an image.

    Args:
        files: The files that label the image, at least one.
        readers: The readers of labels.
        table: The labels to keep, and their ids.
        source: Where the image lies, on its own grid.
        letters: The orientation to bring the labels to, such as ``'LPS'``.

    Returns:
        Label ids, uint16 (D, H, W), in as few arrays as are needed to keep
        overlapping labels apart.

    Raises:
        InputError: If a file is corrupt, lies on another grid or has values
            that are not labels, or if no label is left.
    """
    layers: list[np.ndarray] = []
    for file in files:
        reader, found = readers.find(file.path), set()
        for part in reader.read(file.path, source.grid, source.space):
            values = _on_grid(part, source, letters, file)
            own = _values_in(values)
            found.update(own)
            _check_structure(file, found)
            _stack(layers, _ids(values, own, part, file, table))
    # Several files may show the same label; it counts once.
    for layer, earlier in combinations(reversed(layers), 2):
        layer[layer == earlier] = 0
    if not any(layer.any() for layer in layers):
        raise InputError(f'{files[0].path}: expected some foreground, found '
                         'only 0')
    return layers


def _on_grid(part: LabelMap, source: Place, letters: str,
             file: LabelFile) -> np.ndarray:
    """The values of a map as (D, H, W) in the wanted orientation."""
    own = geometry_of(part.values)
    # A header may state two places, of which programs take either one.
    if any(same_grid(first, second, TOLERANCE) for first, second in product(
            (source.grid, *source.others), (own, *part.others))):
        set_geometry(part.values, source.grid)
        own = source.grid
    wanted, found = (oriented(grid, letters) for grid in (source.grid, own))
    same = same_grid(wanted, found, TOLERANCE, source.rounding)
    if orientation(found) != orientation(wanted) or not (same or part.partial):
        for key in differences(wanted, found, TOLERANCE):
            raise _other_grid(key, wanted, found, file)
    values = _whole_numbers(
        sitk.GetArrayFromImage(sitk.DICOMOrient(part.values, letters)),
        file)
    if same:
        return values
    whole = np.zeros(wanted['size'][::-1], values.dtype)
    target, piece = zip(*_overlap(wanted, found, file, source.rounding),
                        strict=True)
    whole[target] = values[piece]
    return whole


def _other_grid(key: str, wanted: Geometry, found: Geometry,
                file: LabelFile) -> InputError:
    """The error about a key in which two grids differ."""
    unit = ' mm' if key in ('spacing', 'origin') else ''
    off = (f', {np.abs(np.subtract(wanted[key], found[key])).max():.4g} mm '
           'off' if unit else '')
    return InputError(
        f'{file.path}: expected the {key} of its image, '
        f'{format_numbers(wanted[key])}{unit}, found '
        f'{format_numbers(found[key])}{unit}{off}')


def _overlap(wanted: Geometry, found: Geometry,
             file: LabelFile, rounding: float
             ) -> Iterator[tuple[slice, slice]]:
    """The slices, z first, at which a part meets the whole, in both."""
    for key in ('spacing', 'direction'):
        if key in differences(wanted, found, TOLERANCE):
            raise _other_grid(key, wanted, found, file)
    direction = np.array(wanted['direction']).reshape(3, 3)
    offset = np.subtract(found['origin'], wanted['origin']) @ direction
    steps = np.rint(offset / wanted['spacing']).astype(int)
    off = offset - steps * wanted['spacing']
    if np.abs(off).max() > max(rounding, 0.02):
        raise InputError(
            f'{file.path}: expected voxels on those of its image, found them '
            f'{format_numbers(off.tolist())} mm beside')
    for axis in reversed(range(3)):
        first = int(steps[axis])
        start = max(first, 0)
        stop = min(first + found['size'][axis], wanted['size'][axis])
        yield (slice(start, max(start, stop)),
               slice(start - first, max(start, stop) - first))


def _whole_numbers(values: np.ndarray, file: LabelFile) -> np.ndarray:
    """The values as uint16."""
    if values.dtype.kind == 'f':
        # Programs that resample or scale labels leave such errors.
        broken = values[np.abs(values - np.rint(values)) > ROUNDING]
        if broken.size:
            raise InputError(f'{file.path}: expected whole numbers as label '
                             f'ids, found {broken[0]:g}')
        values = np.rint(values)
    lowest, highest = values.min(), values.max()
    if lowest < 0 or highest > HIGHEST_ID:
        raise InputError(f'{file.path}: expected label ids in 0..{HIGHEST_ID},'
                         f' found {lowest:g}..{highest:g}')
    return values.astype(np.uint16)


def _values_in(values: np.ndarray) -> list[int]:
    """The values other than 0, in order."""
    found = np.zeros(HIGHEST_ID + 1, bool)
    for values_of_slice in values:
        found[values_of_slice] = True
    return [int(value) for value in np.flatnonzero(found) if value]


def _check_structure(file: LabelFile, found: set[int]) -> None:
    """Refuse several values, of all parts, in the file of a structure."""
    if file.name and len(found) > 1:
        some = ', '.join(map(str, sorted(found)[:9]))
        raise InputError(
            f"{file.path}: expected one value in the mask of '{file.name}', "
            f'found {some}{", …" * (len(found) > 9)}; if these are labels, '
            'name the file as its image, else make a file of 0 and 1 for each '
            'structure')


def _ids(values: np.ndarray, found: list[int], part: LabelMap,
         file: LabelFile, table: LabelTable) -> np.ndarray:
    """Translate a file's values to the ids of the prepared data.

    Args:
        values: The values, (D, H, W).
        found: Those that occur, without 0.
        part: What the file says about them.
        file: The file.
        table: The labels to keep, and their ids.
    """
    ids = np.zeros(HIGHEST_ID + 1, np.uint16)
    # Where nothing says what white means, it is the label 1.
    known = table.names if table.all_values else table.ids
    is_mask = (part.may_be_white and len(found) == 1
               and found[0] in WHITE and found[0] not in known)
    for value in found:
        key = 1 if is_mask else part.names.get(value, value)
        try:
            ids[value] = table.id_of(file.name or key)
        except InputError as error:
            raise InputError(f'{file.path}: {error}') from error
    return ids[values]


def _stack(layers: list[np.ndarray], new: np.ndarray) -> None:
    """Add labels to the first layer that they do not overlap with."""
    for layer in layers:
        if not ((layer != 0) & (new != 0) & (layer != new)).any():
            np.copyto(layer, new, where=new != 0)
            return
    layers.append(new)
