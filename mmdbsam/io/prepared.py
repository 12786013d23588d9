"""The prepared data format: what ``mmdbsam prepare`` writes.

::

    ROOT/dataset.json           names, labels, geometry and splits
    ROOT/index.safetensors      the same and all areas, for fast opening; see
                                :mod:`mmdbsam.io.prepared_index`
    ROOT/<case>/image.npy       uint8 (D, H, W) or (D, H, W, 3), the windowed
                                scan, or a picture's RGB
    ROOT/<case>/label.npy       uint8 or uint16 (L, D, H, W), label ids;
                                labels that overlap are in different layers
    ROOT/<case>/areas.npy       int32 (D, N), pixels per slice of the case's
                                N labels
    ROOT/<case>/case.json       the case's record

Arrays are in the axis order (z, y, x) of the LPS orientation: slice 0 is the
lowest, row 0 is anterior, column 0 is the patient's right. Coronal slices
(LIP) go from anterior to posterior and sagittal ones (PIR) from left to right,
row 0 being superior. They are opened memory-mapped, so that one slice is read
without its volume.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple, Union

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import read_json
from mmdbsam.io.prepared_arrays import open_array
from mmdbsam.io.prepared_form import check_dataset
from mmdbsam.io.prepared_index import PreparedIndex, open_index

#: The splits of a data set in folds are named by this and a number from 0.
FOLD = 'fold_'


@dataclass(frozen=True)
class PreparedCase:
    """One scan of a prepared data set.

    Attributes:
        name: The case's name, unique within the data set; also its folder's
            name.
        folder: The folder of its arrays.
        shape: The shape of its arrays, (D, H, W), in voxels.
        geometry: The canonical grid as SimpleITK states it, in (x, y, z)
            order: ``spacing`` and ``origin`` in mm, ``direction`` (9 numbers).
        source: The scan's own ``geometry`` and ``orientation``, and the files
            that it was read from; see :func:`.on_source_grid`.
        own_labels: The ids of the labels in this case, in the order of the
            columns of ``areas.npy``.
        all_labels: The ids of all labels of the data set.
        dropped: What was too small to prepare: by label name, the number of
            voxels that were taken out, and in how many slices.
        splits: Half-open ranges of slices by split name, ``[[start, stop],
            ...]``.
        group: The patient, or whatever else joins cases that must share a
            split; None if it is not known.
        own_areas: The content of ``areas.npy``, if it is known already.
        modality: What the scan shows, such as ``'CT'``, if that is recorded.
    """

    name: str
    folder: Path
    shape: Tuple[int, int, int]
    geometry: Dict[str, List[float]]
    source: Dict[str, Any] = field(default_factory=dict)
    own_labels: List[int] = field(default_factory=list)
    all_labels: List[int] = field(default_factory=list)
    dropped: Dict[str, Tuple[int, int]] = field(default_factory=dict)
    splits: Dict[str, List[List[int]]] = field(default_factory=dict)
    group: Optional[str] = None
    own_areas: Optional[np.ndarray] = field(default=None, repr=False,
                                            compare=False)
    modality: Optional[str] = None

    @property
    def patient(self) -> str:
        """The case's group, or its own name where none is known."""
        return self.group or self.name

    @property
    def spacing(self) -> Tuple[float, float, float]:
        """Voxel spacing in mm, in the arrays' order (z, y, x)."""
        x, y, z = self.geometry['spacing']
        return z, y, x

    def image(self) -> np.ndarray:
        """The scan, uint8 (D, H, W) or (D, H, W, 3), memory-mapped."""
        return open_array(self.folder / 'image.npy', ('uint8', ),
                          [self.shape, (*self.shape, 3)])

    def label(self) -> np.ndarray:
        """The label ids (L, D, H, W), memory-mapped; 0 is background.

        A voxel belongs to the labels of all L layers.
        """
        return open_array(self.folder / 'label.npy', ('uint8', 'uint16'),
                          [(-1, *self.shape)])

    def mask(self, label_id: int, start: int, stop: int) -> np.ndarray:
        """The voxels of a label in a range of slices, bool (d, H, W)."""
        first, *others = self.label()[:, start:stop]
        mask = first == label_id
        for layer in others:
            mask |= layer == label_id
        return mask

    def areas(self) -> np.ndarray:
        """Pixels of each label in each slice, int32 (D, number of labels).

        The columns follow the order of ``labels`` in :class:`PreparedData`.
        """
        areas = np.zeros((self.shape[0], len(self.all_labels)), np.int32)
        columns = [self.all_labels.index(i) for i in self.own_labels]
        areas[:, columns] = (
            open_array(self.folder / 'areas.npy', ('int32', 'int64'),
                       [(self.shape[0], len(columns))])
            if self.own_areas is None else self.own_areas)
        return areas


class PreparedData:
    """A prepared data set, opened for reading.

    Only the index is opened; a case is made when it is asked for. A pickled
    data set is its folder, which the other process opens by itself.

    Args:
        root: The folder that holds ``dataset.json``.

    Attributes:
        name (str): The data set's name, which reports use as the task's name.
        labels (dict[int, str]): The labels' names by id, in ascending order.
        note (str): What a reader of a score must know about the data.
        index (PreparedIndex): The index, memory-mapped.
        cases (Sequence[PreparedCase]): All cases.

    Raises:
        InputError: If the folder or its ``dataset.json`` is missing or not
            of this format.
    """

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        if not (self.root / 'dataset.json').is_file():
            raise InputError(
                f'data root {self.root}: expected a prepared data set with a '
                'dataset.json, found none; make it with mmdbsam prepare')
        self.index: PreparedIndex = open_index(self.root, self.read_json)
        self.name: str = self.index.about['name']
        self.note: str = self.index.about['note']
        self.labels = {int(k): v
                       for k, v in self.index.about['labels'].items()}
        self.cases: Sequence[PreparedCase] = _Cases(self)

    def __reduce__(self) -> tuple:
        return PreparedData, (str(self.root), )

    @classmethod
    def open_tasks(cls, roots: Union[str, Sequence[str]]
                   ) -> List['PreparedData']:
        """The data sets in folders.

        Args:
            roots: A folder or several. Each is a data set, or holds data sets
                in its subfolders, which are taken in the order of their names.

        Raises:
            InputError: If a folder has none, or two have the same name.
        """
        roots = [roots] if isinstance(roots, (str, Path)) else roots
        tasks = [cls(str(folder)) for root in roots
                 for folder in _folders_of_sets(Path(root))]
        names = [task.name for task in tasks]
        if len(set(names)) < len(names):
            raise InputError(
                f'data root {", ".join(map(str, roots))}: expected data sets '
                f'of different names, found {", ".join(names)}')
        return tasks

    def case(self, name: str) -> PreparedCase:
        """The case of that name.

        Raises:
            InputError: If there is none.
        """
        place = self._places.get(name)
        if place is None:
            raise InputError(f"{self.root}: no case '{name}'; it has "
                             f'{_listing(self._places)}')
        return self.cases[place]

    def blocks(self, split: Union[str, Sequence[str]]
               ) -> List[Tuple[PreparedCase, int, int]]:
        """The contiguous runs of slices of a split, as (case, start, stop).

        Args:
            split: The name of a split, or of several.
        """
        found = self.index.blocks(split_names(split)).tolist()
        return [(self.cases[case], start, stop)
                for case, _, start, stop in found]

    def require_modality(self, modality: Optional[str]) -> None:
        """Make sure that the scans suit a model.

        Args:
            modality: The model's modality, such as ``'CT'``; None suits all,
                as do scans whose modality is not recorded.

        Raises:
            InputError: If a scan shows another modality.
        """
        for case in self.cases:
            if modality and case.modality not in (None, modality):
                raise InputError(
                    f"{self.root}: case '{case.name}': expected {modality}, "
                    f"which is the model's modality, found {case.modality}")

    def split_sizes(self) -> Dict[str, int]:
        """The number of slices of each split, by its name."""
        blocks = self.index.arrays['blocks']
        sizes = np.bincount(blocks[:, 1], blocks[:, 3] - blocks[:, 2])
        return {name: int(size) for name, size in zip(
            self.index.about['splits'], sizes, strict=True)}

    @cached_property
    def _places(self) -> Dict[str, int]:
        return {name: i for i, name in enumerate(self.index.names())}

    def read_json(self) -> dict:
        """Read and check ``dataset.json``.

        Raises:
            InputError: If it is not of this format.
        """
        path = self.root / 'dataset.json'
        content = read_json(path)
        check_dataset(content, path)
        return content


class _Cases(Sequence):
    """The cases of a data set, each of which is made when it is asked for."""

    def __init__(self, data: PreparedData) -> None:
        self.data = data

    def __len__(self) -> int:
        return len(self.data.index)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self[i] for i in range(*place.indices(len(self)))]
        place = range(len(self))[place]
        data, record = self.data, self.data.index.record(place)
        return PreparedCase(
            record['name'], data.root / record['name'],
            tuple(record['shape']), record['geometry'], record['source'],
            record['labels'], list(data.labels), {
                name: (lost['voxels'], lost['slices'])
                for name, lost in record['dropped'].items()
            }, record['splits'], record.get('group'), data.index.areas(place),
            record.get('modality'))


def split_names(split: Union[str, Sequence[str]]) -> List[str]:
    """The names of one split or of several, as a list."""
    return [split] if isinstance(split, str) else list(split)


def _listing(names: Sequence[str], shown: int = 20) -> str:
    names = list(names)
    more = len(names) - shown
    return ', '.join(names[:shown]) + (f' and {more} more' if more > 0 else '')


def _folders_of_sets(root: Path) -> List[Path]:
    """The folder itself, unless only its subfolders are data sets."""
    if Path(root, 'dataset.json').is_file():
        # To look into each case's folder would take longer than all the rest.
        return [root]
    return sorted(path.parent for path in root.glob('*/dataset.json')) or [
        root]
