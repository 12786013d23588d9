"""A part of a piece of work that several machines share."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mmdbsam.errors import InputError


@dataclass(frozen=True)
class Shard:
    """One of ``number`` parts, counted from 1.

    Attributes:
        place: Which of the parts it is, 1 to ``number``.
        number: The number of parts.
    """

    place: int
    number: int

    @classmethod
    def parse(cls, text: str) -> 'Shard':
        """Read ``'K/N'``, such as ``'2/8'``.

        Raises:
            InputError: If the text has another form, or K is not 1 to N.
        """
        match = re.fullmatch(r'(\d+)/(\d+)', text)
        if not match or not 1 <= int(match[1]) <= int(match[2]):
            raise InputError('--shard: expected K/N with K from 1 to N, such '
                             f"as 2/8, found '{text}'")
        return cls(int(match[1]), int(match[2]))

    def __str__(self) -> str:
        return f'{self.place}/{self.number}'

    def of(self, items: Sequence[Any], what: str) -> list[Any]:
        """Every ``number``-th item, from the one at ``place``.

        Args:
            items: All items, in the same order for every shard.
            what: What the items are, for the error.

        Raises:
            InputError: If there are fewer items than shards.
        """
        if len(items) < self.number:
            raise InputError(f'--shard {self}: expected at least as many '
                             f'{what} as shards, found {len(items)}')
        return list(items[self.place - 1::self.number])
