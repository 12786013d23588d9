"""The kinds of input that are damaged: how each is made, and read."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Subject:
    """A kind of input.

    Attributes:
        name: Its name.
        make: Writes healthy files to a folder that exists.
        read: Reads them as a command does, and returns what they hold.
        sealed: Whether checksums protect all that ``read`` returns, so that a
            damaged file must never give another result.
    """

    name: str
    make: Callable[[Path], None]
    read: Callable[[Path], Any]
    sealed: bool = False


def summary_of(value: Any) -> str:
    """A short text that tells results apart."""
    if isinstance(value, np.ndarray):
        return (f'{value.dtype} {value.shape} '
                + hashlib.sha256(np.ascontiguousarray(value)).hexdigest())
    if isinstance(value, dict):
        return str({key: summary_of(item) for key, item in value.items()})
    if isinstance(value, (list, tuple)):
        return str([summary_of(item) for item in value])
    return repr(value)


def rng() -> np.random.Generator:
    """The generator of the values of healthy files."""
    return np.random.default_rng(0)


def all_subjects() -> list[Subject]:
    """All subjects, whose modules import much."""
    from campaign import subjects_images, subjects_models, subjects_tables
    return [*subjects_images.SUBJECTS, *subjects_tables.SUBJECTS,
            *subjects_models.SUBJECTS]
