"""Who trains, validates and tests: whole cases, or blocks of slices."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdbsam.errors import InputError

SPLITS = ('train', 'val', 'test')

Ranges = dict[str, list[list[int]]]


@dataclass(frozen=True)
class SplitPlan:
    """How a data set is split.

    Attributes:
        by: ``'case'`` gives every case to one split. ``'slices'`` cuts every
            case into contiguous blocks of slices, spread over the splits.
            None takes ``'case'`` from three cases on, else ``'slices'``.
        fractions: The shares of :data:`SPLITS`, each in 0..1, of sum 1. A
            split of fraction 0 stays empty, any other gets at least one case
            or block.
        blocks: Number of blocks that a case is cut into, by ``'slices'``.
        gap: Slices dropped between two blocks of different splits, so that
            near-identical neighbours do not leak from one into the other.
        seed: Of the shuffle of the cases, by ``'case'``.

    Raises:
        InputError: If a value is out of its range.
    """

    by: str | None = None
    fractions: Sequence[float] = (0.7, 0.1, 0.2)
    blocks: int = 10
    gap: int = 1
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.fractions) < 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise InputError(
                'split: expected three fractions >= 0 of sum 1 (train, val, '
                f'test), found {" ".join(f"{f:g}" for f in self.fractions)}')
        if self.blocks < 1 or self.gap < 0:
            raise InputError('split: expected blocks >= 1 and gap >= 0, found '
                             f'blocks {self.blocks} and gap {self.gap}')

    def assign(self, depths: dict[str, int]) -> dict[str, Ranges]:
        """Split the cases.

        Args:
            depths: Case name to its number of slices.

        Returns:
            Case name to its splits: name to half-open ranges of slices
            ``[[start, stop], ...]``, in ascending order.

        Raises:
            InputError: If there are too few cases, or too few slices in one.
        """
        by = self.by or ('case' if len(depths) >= 3 else 'slices')
        if by == 'slices':
            return {
                name: self._cut(name, depth)
                for name, depth in depths.items()
            }
        order = np.random.default_rng(self.seed).permutation(sorted(depths))
        owners = np.repeat(SPLITS, share_out(len(depths), self.fractions,
                                             'cases'))
        split_of = dict(zip(order, owners, strict=True))
        return {
            name: {str(split_of[name]): [[0, depth]]}
            for name, depth in depths.items()
        }

    def _cut(self, name: str, depth: int) -> Ranges:
        runs: list[tuple[str, int, int]] = []
        shares = share_out(self.blocks, self.fractions, 'blocks')
        for block, owner in enumerate(spread(shares)):
            start = depth * block // self.blocks
            stop = depth * (block + 1) // self.blocks
            if runs and runs[-1][0] == SPLITS[owner]:
                start = runs.pop()[1]
            runs.append((SPLITS[owner], start, stop))
        ranges: Ranges = {}
        for run, (split, start, stop) in enumerate(runs):
            # The lower of two neighbours gives up the gap between them.
            stop -= self.gap if run < len(runs) - 1 else 0
            if stop <= start:
                raise InputError(
                    f"case '{name}': {depth} slices are too few for "
                    f'{self.blocks} blocks with a gap of {self.gap}; lower '
                    '--blocks or --gap, or split by case')
            ranges.setdefault(split, []).append([start, stop])
        return ranges


def share_out(total: int, fractions: Sequence[float],
              unit: str) -> list[int]:
    """Whole numbers as near to the fractions as can be.

    Args:
        total: Their sum.
        fractions: Each >= 0, of sum 1. Each above 0 gets at least one.
        unit: What is shared, for the error.

    Raises:
        InputError: If ``total`` is too small for one each.
    """
    shares = [int(fraction > 0) for fraction in fractions]
    if total < sum(shares):
        asked = [s for s, share in zip(SPLITS, shares, strict=True) if share]
        raise InputError(
            f'split: {total} {unit} cannot fill {", ".join(asked)}; give more '
            f'{unit}, or 0 as the fraction of a split (--split)')
    while sum(shares) < total:
        owed = [f * total - s for f, s in zip(fractions, shares, strict=True)]
        shares[owed.index(max(owed))] += 1
    return shares


def spread(shares: Sequence[int]) -> list[int]:
    """Order blocks so that each owner's lie evenly along the axis.

    Every place goes to the owner that is furthest behind its share so far;
    in whole numbers, so that equal inputs give equal orders everywhere.

    Args:
        shares: Number of blocks of each owner.

    Returns:
        The owner of every block, ``sum(shares)`` indices into ``shares``.
    """
    total = sum(shares)
    given = [0] * len(shares)
    order = []
    for place in range(1, total + 1):
        owed = [s * place - g * total
                for s, g in zip(shares, given, strict=True)]
        owner = owed.index(max(owed))
        given[owner] += 1
        order.append(owner)
    return order
