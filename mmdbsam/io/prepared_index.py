"""The index of a prepared data set, one file that every process maps.

``ROOT/index.safetensors`` holds what has to be known of all cases before the
first slice is read. It is made from ``dataset.json`` and the cases'
``areas.npy``, and it is made anew when it is missing or stale. The file is
memory-mapped: ranks and workers on one machine share its pages, and an opened
data set of a million slices costs each of them only what it looks at.
"""

import hashlib
import json
import logging
import os
import warnings
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, List, Optional, Tuple

import numpy as np
from safetensors.numpy import save

from mmdbsam.errors import WriteError
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.prepared_arrays import open_array

FILE = 'index.safetensors'
INDEX_VERSION = 1
_DTYPES = {'U8': np.uint8, 'I32': np.int32, 'I64': np.int64}
Content = Callable[[], Dict[str, Any]]
_logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class PreparedIndex:
    """The cases, blocks and areas of a prepared data set, as arrays.

    Attributes:
        about: The data set's ``name``, ``note`` and ``labels``, and the names
            of its ``splits``.
        arrays: For n cases, S slices in all and B blocks: ``names`` and
            ``records``, uint8, the cases' names and their records as JSON in
            UTF-8, one after the other; ``name_ends`` and ``record_ends``,
            int64 (n,), where each ends; ``slice_starts``, int64 (n + 1,), the
            first slice of each case among all; ``area_starts``, int64
            (n + 1,), the first entry of each case in ``areas``, int32, the
            pixels (D, N) of each case's own labels in each of its slices;
            ``largest``, int32 (S,), the pixels of the largest label in each
            slice; ``blocks``, int32 (B, 4), the case, the split's place in
            ``about['splits']``, and the first slice and the one after the last
            of each run of slices.
    """

    about: Dict[str, Any]
    arrays: Mapping[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.arrays['name_ends'])

    def names(self) -> List[str]:
        """The names of the cases, in their order."""
        return [self._text('name', i).decode() for i in range(len(self))]

    def record(self, case: int) -> Dict[str, Any]:
        """The record of a case, as ``dataset.json`` has it."""
        return json.loads(self._text('record', case))

    def areas(self, case: int) -> np.ndarray:
        """The pixels of a case's own labels in its slices, int32 (D, N)."""
        start, stop = self.arrays['area_starts'][case:case + 2]
        first, last = self.arrays['slice_starts'][case:case + 2]
        return self.arrays['areas'][start:stop].reshape(int(last - first), -1)

    def blocks(self, splits: Iterable[str]) -> np.ndarray:
        """The rows of ``blocks`` that belong to any of the splits.

        Returns:
            np.ndarray: int32 (b, 4), in the order of the cases.
        """
        wanted = [place for place, name in enumerate(self.about['splits'])
                  if name in splits]
        blocks = self.arrays['blocks']
        return blocks[np.isin(blocks[:, 1], wanted)]

    def slices_of(self, blocks: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """List the slices of blocks.

        Args:
            blocks: Rows of ``blocks``, int32 (b, 4).

        Returns:
            tuple: The row of each slice's block, int32 (s,), and the index of
            each slice in its case, int32 (s,).
        """
        lengths = (blocks[:, 3] - blocks[:, 2]).astype(np.int64)
        rows = np.repeat(np.arange(len(blocks), dtype=np.int32), lengths)
        firsts = blocks[:, 2] - (np.cumsum(lengths) - lengths)
        slices = np.arange(len(rows)) + firsts[rows]
        return rows, slices.astype(np.int32)

    def largest_of(self, blocks: np.ndarray, rows: np.ndarray,
                   slices: np.ndarray) -> np.ndarray:
        """The pixels of the largest label in slices, int32 (s,).

        The arguments are those and the result of :meth:`slices_of`.
        """
        firsts = self.arrays['slice_starts'][blocks[:, 0]]
        return self.arrays['largest'][firsts[rows] + slices]

    def _text(self, kind: str, place: int) -> bytes:
        ends = self.arrays[f'{kind}_ends']
        start = int(ends[place - 1]) if place else 0
        return self.arrays[f'{kind}s'][start:int(ends[place])].tobytes()


def open_index(root: Path, read: Content) -> PreparedIndex:
    """Open the index of a data set, and make it first if it is out of date.

    Args:
        root: The folder with ``dataset.json``.
        read: A function without arguments that returns the checked content of
            ``dataset.json``; it is called only if the index must be made.

    Raises:
        InputError: If a case's areas cannot be read.
    """
    found = load_index(root)
    if found is not None:
        return found
    _logger.info('%s: making the index', root)
    return write_index(root, read)


def load_index(root: Path) -> Optional[PreparedIndex]:
    """Map the index of a data set; None if it is missing or stale.

    A damaged one counts as missing. It is stale if ``dataset.json`` has
    another size or time than when the index was made, and other content too:
    copies of a data set differ in their times.
    """
    try:
        with open(root / FILE, 'rb') as stream:
            length = int.from_bytes(stream.read(8), 'little')
            if not 0 < length < os.fstat(stream.fileno()).st_size:
                return None
            header = json.loads(stream.read(length))
            mapped = np.memmap(stream, np.uint8, 'r', offset=8 + length)
        head = json.loads(header.pop('__metadata__')['index'])
        if (head['version'] != INDEX_VERSION
                or not _is_current(root / 'dataset.json', head['stamp'])):
            return None
        arrays = {}
        for name, about in header.items():
            start, stop = about['data_offsets']
            arrays[name] = mapped[start:stop].view(np.ndarray).view(
                _DTYPES[about['dtype']]).reshape(about['shape'])
        if _checksum(head['about'], arrays) != head['crc32']:
            return None
    except (OSError, ValueError, LookupError, TypeError, AttributeError,
            RecursionError):
        # A damaged index is made anew, like a missing one.
        return None
    return PreparedIndex(head['about'], arrays)


def write_index(root: Path, read: Content,
                known: Optional[PreparedIndex] = None) -> PreparedIndex:
    """Make the index of a data set.

    Args:
        root: The folder with ``dataset.json``.
        read: A function without arguments that returns the checked content of
            that file.
        known: An index of earlier content. The areas of a case that it has
            with the same checksum are taken from it, so that a set can grow
            without its older cases being read.

    Returns:
        PreparedIndex: The index, memory-mapped, or in memory if it cannot be
        written to ``root``.

    Raises:
        InputError: If a case's areas cannot be read.
    """
    # If the file changes from here on, the index is stale and says so.
    stamp = _stamp(root / 'dataset.json')
    made = _make(root, read(), known)
    # The file has no other order for several entries than a random one.
    metadata = dict(index=json.dumps(dict(
        version=INDEX_VERSION, about=made.about, stamp=stamp,
        crc32=_checksum(made.about, made.arrays))))
    try:
        with staged_file(root / FILE) as partial:
            # What save_file writes, only its owner may read.
            partial.write_bytes(save(dict(made.arrays), metadata))
    except (OSError, WriteError) as error:
        warnings.warn(
            f'{root}: the index could not be kept ({error}), so that each '
            'process makes its own; write it once where the folder can be '
            'written to', stacklevel=2)
        return made
    return load_index(root) or made


def _make(root: Path, content: Dict[str, Any],
          known: Optional[PreparedIndex]) -> PreparedIndex:
    places = ({name: i for i, name in enumerate(known.names())}
              if known else {})
    splits: Dict[str, int] = {}
    names, records, depths, areas, blocks = [], [], [], [], []
    for number, case in enumerate(content['cases']):
        names.append(case['name'].encode())
        records.append(json.dumps(case, ensure_ascii=False,
                                  separators=(',', ':')).encode())
        depths.append(case['shape'][0])
        areas.append(_areas(root, case, known, places.get(case['name'])))
        blocks += [(number, splits.setdefault(split, len(splits)), *block)
                   for split, ranges in case['splits'].items()
                   for block in ranges]
    largest = [own.max(axis=1, initial=0) for own in areas]
    arrays = dict(
        names=np.frombuffer(b''.join(names), np.uint8),
        name_ends=np.cumsum([len(name) for name in names], dtype=np.int64),
        records=np.frombuffer(b''.join(records), np.uint8),
        record_ends=np.cumsum([len(one) for one in records], dtype=np.int64),
        slice_starts=np.cumsum([0, *depths], dtype=np.int64),
        area_starts=np.cumsum([0, *(own.size for own in areas)],
                              dtype=np.int64),
        areas=_joined([own.ravel() for own in areas]),
        largest=_joined(largest),
        blocks=np.array(blocks, np.int32).reshape(-1, 4))
    about = dict(name=content['name'], note=content.get('note', ''),
                 labels=content['labels'], splits=list(splits))
    return PreparedIndex(about, arrays)


def _areas(root: Path, case: Dict[str, Any], known: Optional[PreparedIndex],
           place: Optional[int]) -> np.ndarray:
    """The pixels of a case's labels (D, N), from the index or its file."""
    if known is not None and place is not None and (
            known.record(place).get('checksum') == case.get('checksum')):
        return known.areas(place)
    path = root / case['name'] / 'areas.npy'
    expected = (case['shape'][0], len(case['labels']))
    return open_array(path, ('int32', 'int64'), [expected]).astype(np.int32)


def _checksum(about: Dict[str, Any], arrays: Mapping[str, np.ndarray]) -> int:
    """The CRC-32 of an index, by which a damaged one is known."""
    found = zlib.crc32(json.dumps(about).encode())
    for name, values in sorted(arrays.items()):
        found = zlib.crc32(f'{name} {values.dtype} {values.shape}'.encode(),
                           found)
        found = zlib.crc32(np.ascontiguousarray(values).reshape(-1).view(
            np.uint8), found)
    return found


def _joined(parts: List[np.ndarray]) -> np.ndarray:
    return np.concatenate([np.zeros(0, np.int32), *parts])


def _stamp(path: Path) -> Dict[str, Any]:
    status = path.stat()
    return dict(size=status.st_size, mtime_ns=status.st_mtime_ns,
                sha256=hashlib.sha256(path.read_bytes()).hexdigest())


def _is_current(path: Path, stamp: Dict[str, Any]) -> bool:
    status = path.stat()
    if status.st_size != stamp['size']:
        return False
    return (status.st_mtime_ns == stamp['mtime_ns']
            or _stamp(path)['sha256'] == stamp['sha256'])
