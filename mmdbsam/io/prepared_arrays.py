"""Opens the arrays of prepared cases."""

import threading
from pathlib import Path
from typing import Sequence, Tuple

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import require_input

# numpy parses a header as a Python literal, which fails now and then where
# two threads do so at once: https://github.com/python/cpython/issues/106905,
# mended in Python 3.11.8 and 3.12.2.
_header_lock = threading.Lock()


def open_array(path: Path, types: Sequence[str],
               shapes: Sequence[Tuple[int, ...]]) -> np.ndarray:
    """Memory-map a ``.npy`` file of one of these types and shapes.

    Args:
        path: The file.
        types: The names of the types that the array may have.
        shapes: The shapes that it may have; -1 is any length but 0.

    Raises:
        InputError: If the file is missing or damaged, or its array is another.
    """
    require_input(path)
    try:
        with _header_lock:
            array = np.load(path, mmap_mode='r', allow_pickle=False)
    # numpy does not document what it raises for a corrupt file.
    except Exception as error:
        raise InputError(f'{path}: expected a readable .npy array, found: '
                         f'{" ".join(str(error).split())}; prepare the data '
                         'again') from error
    if not isinstance(array, np.ndarray) or array.dtype not in types or (
            not any(_fits(array.shape, shape) for shape in shapes)):
        found = (f'{array.dtype} {array.shape}'
                 if isinstance(array, np.ndarray) else 'an archive')
        raise InputError(
            f'{path}: expected {" or ".join(types)} of the shape '
            f'{" or ".join(map(str, shapes))}, found {found}; prepare the '
            'data again')
    return array


def _fits(shape: Tuple[int, ...], wanted: Tuple[int, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        side == found or side == -1 and found
        for side, found in zip(wanted, shape, strict=True))
