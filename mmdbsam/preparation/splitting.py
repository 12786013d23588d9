"""The split into training, validation and test data.

Whole cases are split, or blocks of slices.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mmdbsam.errors import InputError
from mmdbsam.io.prepared import FOLD

#: The names of the splits.
SPLITS = ('train', 'val', 'test')

Ranges = dict[str, list[list[int]]]
_Groups = dict[tuple, list['SplitCase']]


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
        folds: The number of folds ``fold_0``, ``fold_1`` and so on that take
            the place of training and validation data, for cross-validation;
            ``'patients'`` makes as many as there are groups, to leave one out
            at a time. Cases that the source assigns to ``'test'``, and the
            fraction of it, stay outside of the folds.

    Raises:
        InputError: If a value is out of its range.
    """

    by: str | None = None
    fractions: Sequence[float] = (0.7, 0.1, 0.2)
    blocks: int = 10
    gap: int = 1
    seed: int = 0
    folds: int | str | None = None

    def __post_init__(self) -> None:
        if min(self.fractions) < 0 or abs(sum(self.fractions) - 1) > 1e-6:
            raise InputError(
                'split: expected three fractions >= 0 of sum 1 (train, val, '
                f'test), found {" ".join(f"{f:g}" for f in self.fractions)}')
        if self.blocks < 1 or self.gap < 0:
            raise InputError('split: expected blocks >= 1 and gap >= 0, found '
                             f'blocks {self.blocks} and gap {self.gap}')
        if self.folds is not None and self.by == 'slices':
            raise InputError('--folds: expected a split by case, as slices of '
                             'one patient are alike, found --split-by slices')
        if isinstance(self.folds, int) and self.folds < 2:
            raise InputError('--folds: expected at least 2, found '
                             f'{self.folds}')

    def assign(self, cases: Sequence[SplitCase],
               given: Sequence[tuple[SplitCase, Ranges]] = ()
               ) -> dict[str, Ranges]:
        """Split the cases.

        Args:
            cases: The cases to split.
            given: Cases that have been split before, with their splits. These
                stay, and the new cases are dealt out so that all together
                come as near to the plan as they can; a case joins the split
                of its group.

        Returns:
            By case name, the half-open ranges of slices ``[[start, stop],
            ...]`` of each split, in ascending order, for ``cases`` only.

        Raises:
            InputError: If there are too few cases, or too few slices in one,
                or if only some cases have a split, or a group has two.
        """
        groups = _group(cases)
        split_of, earlier = _join(groups, given)
        is_assigned = any(case.split for case in cases)
        if is_assigned and self.folds is None:
            split_of |= _given(groups)
        elif is_assigned:
            tested = {key: own for key, own in groups.items()
                      if any(case.split == 'test' for case in own)}
            split_of |= _given(tested)
            left = {key: own for key, own in groups.items()
                    if key not in tested}
            split_of |= self._stratify(left, (0., 0.), earlier)
        elif self._is_by_case(len(groups) + len(earlier)):
            split_of |= self._stratify(groups, self.fractions, earlier)
        else:
            return {case.name: self._cut(case.name, case.depth)
                    for case in cases}
        return {case.name: {split_of[case.name]: [[0, case.depth]]}
                for case in cases}

    def _is_by_case(self, groups: int) -> bool:
        if self.folds is not None:
            return True
        return (self.by or ('case' if groups >= 3 else 'slices')) == 'case'

    def _owners(self, fractions: Sequence[float], total: int
                ) -> dict[str, float]:
        """The fractions of the splits that a number of groups is dealt to."""
        if self.folds is None:
            return dict(zip(SPLITS, fractions, strict=True))
        test = fractions[-1]
        folds = self.folds
        if isinstance(folds, str):
            folds = total - (share_out(total, dict(train=1 - test, test=test),
                                       'patients')[1] if test else 0)
        return {**{f'{FOLD}{i}': (1 - test) / folds for i in range(folds)},
                **(dict(test=test) if test else {})}

    def _stratify(self, groups: _Groups, fractions: Sequence[float],
                  earlier: Sequence[tuple[set, str]]) -> dict[str, str]:
        """The splits by case, with labels spread as evenly as groups allow.

        This is the iterative stratification of the groups (Sechidis et al.
        2011, doi:10.1007/978-3-642-23808-6_10): the label that the fewest
        remaining groups show is dealt out first. Groups that were dealt out
        before, as (labels, split), count towards what each split should get.
        """
        shuffle = np.random.default_rng(self.seed).permutation(len(groups))
        left = [list(groups.values())[i] for i in shuffle]
        shows = [_labels(group) for group in left]
        unit = 'cases' if len(left) == sum(map(len, left)) else 'patients'
        total = len(left) + len(earlier)
        owners = self._owners(fractions, total)
        names = list(owners)
        room = np.array(share_out(total, owners, unit), float)
        known = [found for found, _ in earlier] + shows
        wanted = {label: np.array(list(owners.values())) * sum(
            label in found for found in known) for label in set().union(*known)
        }
        for found, split in earlier:
            if split in owners:
                _take(names.index(split), found, room, wanted)
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
            _take(owner, found, room, wanted)
            split_of |= {case.name: names[owner] for case in group}
        return split_of

    def _cut(self, name: str, depth: int) -> Ranges:
        runs: list[tuple[str, int, int]] = []
        shares = share_out(self.blocks, dict(zip(SPLITS, self.fractions,
                                                strict=True)), 'blocks')
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


def _group(cases: Sequence[SplitCase]) -> _Groups:
    groups: _Groups = {}
    for case in sorted(cases, key=lambda case: case.name):
        groups.setdefault(_key(case), []).append(case)
    return groups


def _key(case: SplitCase) -> tuple:
    return ('group', case.group) if case.group else ('case', case.name)


def _labels(group: Sequence[SplitCase]) -> set:
    return set().union(*(case.labels for case in group)) or {None}


def _join(groups: _Groups, given: Sequence[tuple[SplitCase, Ranges]]
          ) -> tuple[dict[str, str], list[tuple[set, str]]]:
    """Let new cases join the splits of their groups, and take them out.

    Returns:
        tuple: The splits by case, and the labels and the split of each group
        that was split before.
    """
    split_of, earlier = {}, []
    ranges = {case.name: splits for case, splits in given}
    for key, known in _group([case for case, _ in given]).items():
        splits = {split for case in known for split in ranges[case.name]}
        if len(splits) != 1:
            # Its slices were split, so that those of a new case are as well.
            continue
        split, = splits
        new = groups.pop(key, [])
        split_of |= {case.name: split for case in new}
        earlier.append((_labels([*known, *new]), split))
    return split_of, earlier


def _take(owner: int, labels: set, room: np.ndarray,
          wanted: dict[object, np.ndarray]) -> None:
    room[owner] -= 1
    for label in labels:
        wanted[label][owner] -= 1


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


def share_out(total: int, fractions: Mapping[str, float],
              unit: str) -> list[int]:
    """Whole numbers as near to the fractions as possible.

    Args:
        total: The sum of the numbers.
        fractions: The fractions by their splits' names, each >= 0, with the
            sum 1. Each above 0 gets at least one.
        unit: What is shared out, for the error.

    Raises:
        InputError: If ``total`` is too small to give one to each.
    """
    shares = [int(fraction > 0) for fraction in fractions.values()]
    if total < sum(shares):
        asked = [split for split, fraction in fractions.items() if fraction]
        raise InputError(
            f'split: {total} {unit} cannot fill {", ".join(asked)}; give more '
            f'{unit}, ' + ('or fewer --folds' if asked[0].startswith(FOLD) else
                           'or 0 as the fraction of a split (--split)'))
    while sum(shares) < total:
        owed = [f * total - s for f, s in zip(fractions.values(), shares,
                                              strict=True)]
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
