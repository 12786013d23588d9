"""Finds weights that were damaged on disk or on their way."""

import hashlib
import zipfile
from pathlib import Path
from typing import Mapping

import torch
from torch import Tensor

from mmdbsam.errors import InputError

_CHUNK, _LARGE = 1 << 20, 2 << 30


def verify_archive(path: Path) -> None:
    """Verify the CRC-32 of each part of a checkpoint of torch.

    ``torch.save`` writes them, and ``torch.load`` does not look at them. Files
    of older formats have none and pass.

    Raises:
        InputError: If a part was changed, or is compressed, which those that
            torch writes are not.
    """
    try:
        if not zipfile.is_zipfile(path):
            return
        with zipfile.ZipFile(path) as archive:
            for part in archive.infolist():
                if part.compress_type != zipfile.ZIP_STORED:
                    raise InputError(
                        f'checkpoint {path}: expected parts that are not '
                        f'compressed, found that {part.filename} is')
                # torch can be told to write none.
                if part.CRC:
                    with archive.open(part) as stream:
                        while stream.read(_CHUNK):
                            pass
    except InputError:
        raise
    except Exception as error:  # a damaged archive may raise anything
        raise InputError(
            f'checkpoint {path}: expected an intact file, found one that was '
            f'damaged ({error}); copy or download it again') from error


def require_finite(weights: Mapping[str, Tensor], path: object) -> None:
    """Refuse weights that are NaN or infinite, and those without values.

    Raises:
        InputError: If there are any; it names the first tensor.
    """
    for name, value in weights.items():
        if not is_stored(value):
            raise InputError(f'checkpoint {path}: expected {value.numel()} '
                             f'weights in {name}, found '
                             f'{value.untyped_storage().nbytes()} bytes')
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise InputError(f'checkpoint {path}: expected finite weights, '
                             f'found NaN or infinity in {name}')


def is_stored(value: Tensor) -> bool:
    """Whether a file holds all numbers of a tensor that would fill memory.

    It can say that one number stands for many.
    """
    size = value.numel() * value.element_size()
    return size <= max(value.untyped_storage().nbytes(), _LARGE)


def digest(weights: Mapping[str, Tensor]) -> str:
    """The hexadecimal sha256 of weights with their names and types."""
    found = hashlib.sha256()
    for name, value in sorted(weights.items()):
        found.update(f'{name} {value.dtype} {tuple(value.shape)} '.encode())
        found.update(memoryview(value.detach().cpu().contiguous().flatten()
                                .view(torch.uint8).numpy()))
    return found.hexdigest()
