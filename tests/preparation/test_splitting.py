"""Splits by case and by blocks of slices."""

import pytest

from mmdbsam.errors import InputError
from mmdbsam.preparation import SPLITS, SplitCase, SplitPlan
from mmdbsam.preparation.splitting import share_out, spread


def owners(depth, ranges):
    """The split of every slice, '' for none; fails if one has two."""
    found = [''] * depth
    for split, runs in ranges.items():
        for start, stop in runs:
            for index in range(start, stop):
                assert found[index] == ''
                found[index] = split
    return found


@pytest.mark.parametrize('depth, blocks, gap', [
    (133, 10, 1), (133, 10, 0), (47, 10, 3), (200, 20, 5), (64, 7, 2)])
def test_blocks_are_disjoint_and_cover_all_but_the_gaps(depth, blocks, gap):
    plan = SplitPlan('slices', blocks=blocks, gap=gap)
    found = owners(depth, plan.assign([SplitCase('a', depth)])['a'])
    kept = [split for split in found if split]
    changes = sum(a != b for a, b in zip(kept, kept[1:], strict=False))
    assert found[0] and found[-1]
    assert depth - len(kept) == changes * gap
    for i, split in enumerate(found):
        near = found[max(0, i - gap):i + gap + 1]
        assert not split or set(near) <= {split, ''}
    assert set(SPLITS) <= set(found)


def test_neighbouring_blocks_of_a_split_are_one_range():
    ranges = SplitPlan('slices').assign([SplitCase('a', 133)])['a']
    # T T te T T v T T te T
    assert len(ranges['train']) == 4
    assert len(ranges['val']) == 1
    assert len(ranges['test']) == 2
    for runs in ranges.values():
        assert all(a[1] < b[0] for a, b in zip(runs, runs[1:], strict=False))


@pytest.mark.parametrize('fractions', [
    (0.7, 0.1, 0.2), (0.5, 0.25, 0.25), (0.8, 0, 0.2), (1 / 3, 1 / 3, 1 / 3)])
@pytest.mark.parametrize('blocks', [3, 10, 21])
def test_blocks_of_a_split_are_spread_evenly(fractions, blocks):
    shares = share_out(blocks, dict(zip(SPLITS, fractions, strict=True)),
                       'blocks')
    order = spread(shares)
    assert sum(shares) == blocks
    for owner, share in enumerate(shares):
        assert order.count(owner) == share
        assert abs(share - blocks * fractions[owner]) <= 1.5
        assert (share > 0) == (fractions[owner] > 0)
        # An owner is never more than one block off an even pace.
        for place in range(1, blocks + 1):
            pace = share * place / blocks
            assert abs(order[:place].count(owner) - pace) < 1 + 1e-9


def test_a_split_can_take_everything():
    plan = SplitPlan('slices', (0, 0, 1))
    assert plan.assign([SplitCase('a', 50)]) == {'a': {'test': [[0, 50]]}}


@pytest.mark.parametrize('count, shares', [(3, (1, 1, 1)), (10, (7, 1, 2)),
                                           (30, (21, 3, 6))])
def test_from_three_cases_on_whole_cases_are_split(count, shares):
    depths = {f'case{i}': 10 + i for i in range(count)}
    found = SplitPlan().assign(
        [SplitCase(name, depth) for name, depth in depths.items()])
    for split, share in zip(SPLITS, shares, strict=True):
        assert sum(split in ranges for ranges in found.values()) == share
    for name, ranges in found.items():
        assert list(ranges.values()) == [[[0, depths[name]]]]


def test_cases_are_shuffled_by_the_seed_alone():
    cases = [SplitCase(f'case{i}', 10) for i in range(20)]
    again = cases[::-1]
    assert SplitPlan(seed=1).assign(cases) == SplitPlan(seed=1).assign(again)
    assert SplitPlan(seed=1).assign(cases) != SplitPlan(seed=2).assign(cases)


@pytest.mark.parametrize('plan, message', [
    (dict(fractions=(0.5, 0.1, 0.1)), r'sum 1 .*found 0.5 0.1 0.1'),
    (dict(fractions=(1.2, -0.2, 0)), 'fractions >= 0'),
    (dict(blocks=0), 'blocks >= 1'),
    (dict(gap=-1), 'gap >= 0'),
    (dict(by='case'), '2 cases cannot fill train, val, test'),
    (dict(by='slices', blocks=2), '2 blocks cannot fill train, val, test'),
    (dict(by='slices', gap=4), "case 'a': 40 slices are too few"),
])
def test_impossible_splits_are_refused(plan, message):
    with pytest.raises(InputError, match=message):
        SplitPlan(**plan).assign(
            [SplitCase('a', 40), SplitCase('b', 90)])


def shares_of(found, cases):
    """The number of cases in train, val and test, by label."""
    counts = {}
    for case in cases:
        split, = found[case.name]
        for label in case.labels:
            counts.setdefault(label, [0, 0, 0])[SPLITS.index(split)] += 1
    return counts


@pytest.mark.parametrize('seed', range(5))
def test_labels_are_spread_over_the_splits(seed):
    """This includes labels in few cases, which chance would lose."""
    cases = [SplitCase(f'case{i}', 5, [1] + [2] * (i < 30) + [3] * (i % 10
                                                                    == 0))
             for i in range(100)]
    found = shares_of(SplitPlan(seed=seed).assign(cases), cases)
    assert found[1] == [70, 10, 20]
    assert found[2] == [21, 3, 6]
    assert found[3] == [7, 1, 2]


@pytest.mark.parametrize('seed', range(5))
def test_a_group_stays_in_one_split(seed):
    cases = [SplitCase(f'case{i}', 5, [i % 4], group=f'patient{i // 3}')
             for i in range(60)]
    found = SplitPlan(seed=seed).assign(cases)
    owners = {}
    for case in cases:
        owners.setdefault(case.group, set()).update(found[case.name])
    assert all(len(splits) == 1 for splits in owners.values())
    assert {split for splits in owners.values() for split in splits} == set(
        SPLITS)


def test_cases_of_one_patient_are_split_by_slices():
    """Whole cases would put the same patient on both sides."""
    cases = [SplitCase(f'case{i}', 40, group='one') for i in range(5)]
    for ranges in SplitPlan().assign(cases).values():
        assert set(ranges) == set(SPLITS)
    with pytest.raises(InputError, match='1 patients cannot fill'):
        SplitPlan('case').assign(cases)
