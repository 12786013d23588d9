"""The prepared data format: what ``mmdbsam prepare`` writes.

::

    ROOT/dataset.json           names, labels, geometry and splits
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

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Dict, List, Sequence, Tuple, Union

import numpy as np

from mmdbsam.errors import InputError

FORMAT_VERSION = 2


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

    @property
    def spacing(self) -> Tuple[float, float, float]:
        """Voxel spacing in mm, in the arrays' order (z, y, x)."""
        x, y, z = self.geometry['spacing']
        return z, y, x

    def image(self) -> np.ndarray:
        """The scan, uint8 (D, H, W) or (D, H, W, 3), memory-mapped."""
        return self._open('image.npy')

    def label(self) -> np.ndarray:
        """The label ids (L, D, H, W), memory-mapped; 0 is background.

        A voxel belongs to the labels of all L layers.
        """
        return self._open('label.npy')

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
        areas[:, columns] = self._open('areas.npy')
        return areas

    def _open(self, name: str) -> np.ndarray:
        path = self.folder / name
        try:
            return np.load(path, mmap_mode='r', allow_pickle=False)
        except (OSError, ValueError) as error:
            raise InputError(f'{path}: expected a readable .npy array, '
                             f'found: {error}') from error


class PreparedData:
    """A prepared data set, opened for reading.

    Args:
        root: The folder that holds ``dataset.json``.

    Attributes:
        name (str): The data set's name, which reports use as the task's name.
        labels (dict[int, str]): The labels' names by id, in ascending order.
        note (str): What a reader of a score must know about the data.
        cases (list[PreparedCase]): All cases.

    Raises:
        InputError: If the folder or its ``dataset.json`` is missing or not
            of this format.
    """

    def __init__(self, root: str) -> None:
        self.root = Path(root)
        content = self._read_json()
        try:
            self.name: str = content['name']
            self.note: str = content.get('note', '')
            self.labels = {int(k): v for k, v in content['labels'].items()}
            self.cases = [
                PreparedCase(case['name'], self.root / case['name'],
                             tuple(case['shape']), case['geometry'],
                             case['source'], case['labels'],
                             list(self.labels), {
                                 name: (lost['voxels'], lost['slices'])
                                 for name, lost in case['dropped'].items()
                             }, case['splits'])
                for case in content['cases']
            ]
        except KeyError as error:
            raise InputError(f'{self.root / "dataset.json"}: expected the key '
                             f'{error}, found none') from error

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
        for case in self.cases:
            if case.name == name:
                return case
        raise InputError(f"{self.root}: no case '{name}'; it has "
                         f'{", ".join(c.name for c in self.cases)}')

    def blocks(self, split: str) -> List[Tuple[PreparedCase, int, int]]:
        """The contiguous runs of slices of a split, as (case, start, stop)."""
        return [(case, start, stop) for case in self.cases
                for start, stop in case.splits.get(split, [])]

    def _read_json(self) -> dict:
        path = self.root / 'dataset.json'
        if not path.is_file():
            raise InputError(
                f'data root {self.root}: expected a prepared data set with a '
                'dataset.json, found none; make it with mmdbsam prepare')
        try:
            content = json.loads(path.read_text())
        except json.JSONDecodeError as error:
            raise InputError(f'{path}: not valid JSON: {error}') from error
        found = content.get('format') if isinstance(content, dict) else None
        if found != FORMAT_VERSION:
            raise InputError(f'{path}: expected "format": {FORMAT_VERSION}, '
                             f'found {found!r}; prepare the data again')
        return content


def _folders_of_sets(root: Path) -> List[Path]:
    """The folder itself, unless only its subfolders are data sets."""
    folders = sorted(path.parent for path in root.glob('*/dataset.json'))
    if Path(root, 'dataset.json').is_file() or not folders:
        return [root]
    return folders
