"""The search for the reader of a path among those of different kinds."""

import unicodedata
from collections.abc import Sequence
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from mmdbsam.errors import InputError
from mmdbsam.io.input_files import is_clutter, require_input


class _Reader(Protocol):

    def case_name(self, path: Path) -> str | None:
        """The case that a path holds; None if the reader cannot read it."""


Reader = TypeVar('Reader', bound=_Reader)


class ReaderChoice(Generic[Reader]):
    """Several readers, of which the first that knows a path reads it.

    Args:
        readers: The readers, in this order.
        expected: What messages say of a path that none of them knows.
    """

    def __init__(self, readers: Sequence[Reader], expected: str) -> None:
        self.readers = readers
        self.expected = expected

    def case_name(self, path: Path) -> str | None:
        """The case that a path holds; None if no reader knows the path."""
        if is_clutter(path):
            return None
        names = (reader.case_name(path) for reader in self.readers)
        # macOS writes letters such as umlauts as two characters.
        return next((unicodedata.normalize('NFC', name) for name in names
                     if name), None)

    def find(self, path: Path) -> Reader:
        """The reader of a path.

        Raises:
            InputError: If there is none, or the path is a pipe or a device.
        """
        require_input(path)
        for reader in self.readers:
            if reader.case_name(path):
                return reader
        raise InputError(f'{path}: expected {self.expected}')
