"""The split into training, validation and test data.

Whole cases are split, or blocks of slices.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mmdbsam.errors import InputError

#: The names of the splits.
SPLITS = ('train', 'val', 'test')

Ranges = dict[str, list[list[int]]]


@dataclass(frozen=True)
class SplitCase:
    """What a split has to know about a case.

    Attributes:
        name: The name of the case, unique within the data set.
        depth: The number of its slices.
        labels: The ids of its labels.
        split: The split that its source assigns to it.
        group: The group of the case; cases of one group share a split. None
            makes the case a group of its own.
    """

    name: str
    depth: int
    labels: Sequence[int] = ()
    split: str | None = None
    group: str | None = None


@dataclass(frozen=True)
class SplitPlan:
    """How a data set is split.

    Attributes:
        by: ``'case'`` assigns whole cases, and cases of one group together, so
            that each label is spread over the splits like the cases.
            ``'slices'`` cuts every case into contiguous blocks of slices,
            which are spread over the splits. None takes ``'case'`` if there
            are at least three groups, and ``'slices'`` otherwise. If the
            source assigns a split to every case, those splits count.
        fractions: The fractions of :data:`SPLITS`, each in 0..1, with the sum
            1. A split of fraction 0 stays empty; any other gets at least one
            case or block.
        blocks: The number of blocks that ``'slices'`` cuts a case into.
        gap: The number of slices that are dropped between two blocks of
            different splits, so that near-identical neighbours do not leak
            from one into the other.
        seed: The seed of the shuffle of the cases, for ``'case'``.

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

    def assign(self, cases: Sequence[SplitCase]) -> dict[str, Ranges]:
        """Split the cases.

        Returns:
            By case name, the half-open ranges of slices ``[[start, stop],
            ...]`` of each split, in ascending order.

        Raises:
            InputError: If there are too few cases, or too few slices in one,
                or if only some cases have a split, or a group has two.
        """
        groups: dict[tuple, list[SplitCase]] = {}
        for case in sorted(cases, key=lambda case: case.name):
            key = ('group', case.group) if case.group else ('case', case.name)
            groups.setdefault(key, []).append(case)
        if any(case.split for case in cases):
            split_of = _given(groups)
        elif (self.by or ('case' if len(groups) >= 3 else 'slices')) == 'case':
            split_of = self._stratify(groups)
        else:
            return {case.name: self._cut(case.name, case.depth)
                    for case in cases}
        return {case.name: {split_of[case.name]: [[0, case.depth]]}
                for case in cases}

    def _stratify(self, groups: dict[tuple, list[SplitCase]]
                  ) -> dict[str, str]:
        """The splits by case, with labels spread as evenly as groups allow.

        This is the iterative stratification of the groups (Sechidis et al.
        2011, doi:10.1007/978-3-642-23808-6_10): the label that the fewest
        remaining groups show is dealt out first.
        """
        shuffle = np.random.default_rng(self.seed).permutation(len(groups))
        left = [list(groups.values())[i] for i in shuffle]
        shows = [set().union(*(case.labels for case in group)) or {None}
                 for group in left]
        unit = 'cases' if len(left) == sum(map(len, left)) else 'patients'
        room = np.array(share_out(len(left), self.fractions, unit), float)
        wanted = {label: np.array(self.fractions) * sum(
            label in found for found in shows) for label in set().union(*shows)
        }
        split_of = {}
        while left:
            counts = Counter(label for found in shows for label in found)
            rarest = min(counts, key=lambda label: (counts[label],
                                                    str(label)))
            place = next(i for i, found in enumerate(shows)
                         if rarest in found)
            group, found = left.pop(place), shows.pop(place)
            owner = max((i for i in range(len(room)) if room[i] > 0),
                        key=lambda i: (wanted[rarest][i], room[i]))
            room[owner] -= 1
            for label in found:
                wanted[label][owner] -= 1
            split_of |= {case.name: SPLITS[owner] for case in group}
        return split_of

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
            # The gap between two neighbours is taken from the lower one.
            stop -= self.gap if run < len(runs) - 1 else 0
            if stop <= start:
                raise InputError(
                    f"case '{name}': {depth} slices are too few for "
                    f'{self.blocks} blocks with a gap of {self.gap}; lower '
                    '--blocks or --gap, or split by case')
            ranges.setdefault(split, []).append([start, stop])
        return ranges


def _given(groups: dict[tuple, list[SplitCase]]) -> dict[str, str]:
    """The splits by case, as the source assigns them."""
    split_of: dict[str, str] = {}
    for (_, group), cases in groups.items():
        found = {case.split for case in cases}
        if None in found:
            name = next(case.name for case in cases if not case.split)
            raise InputError(f"case '{name}': expected a split, as other "
                             'cases of the source have one, found none')
        if len(found) > 1:
            raise InputError(f"group '{group}': expected one split, found "
                             f'{", ".join(sorted(found))}')
        split_of |= {case.name: case.split for case in cases}
    return split_of


def share_out(total: int, fractions: Sequence[float],
              unit: str) -> list[int]:
    """Whole numbers as near to the fractions as possible.

    Args:
        total: The sum of the numbers.
        fractions: The fractions, each >= 0, with the sum 1. Each above 0 gets
            at least one.
        unit: What is shared out, for the error.

    Raises:
        InputError: If ``total`` is too small to give one to each.
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

    Every place goes to the owner that is furthest behind its share so far. The
    arithmetic is in whole numbers, so that equal inputs give equal orders on
    every machine.

    Args:
        shares: The number of blocks of each owner.

    Returns:
        list[int]: The owner of every block, ``sum(shares)`` indices into
            ``shares``.
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
