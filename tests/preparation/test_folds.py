"""Folds for cross-validation."""

from collections import Counter

import numpy as np
import pytest

from mmdbsam.errors import InputError
from mmdbsam.preparation import SplitCase, SplitPlan


def cases_of(patients, scans=2, rare_every=4):
    """Scans of patients; every fourth patient shows the rare label 7."""
    return [SplitCase(f'p{i:02}_{scan}', 5 + i, [1, 7] if i % rare_every == 0
                      else [1], group=f'patient {i}')
            for i in range(patients) for scan in range(scans)]


def fold_of(cases, **options):
    found = SplitPlan(folds=options.pop('folds', 5), fractions=options.pop(
        'fractions', (1, 0, 0)), **options).assign(cases)
    assert set(found) == {case.name for case in cases}
    for case in cases:
        (ranges, ) = found[case.name].values()
        assert ranges == [[0, case.depth]]
    return {name: next(iter(splits)) for name, splits in found.items()}


def test_each_patient_is_in_one_fold_and_labels_are_spread():
    cases = cases_of(20)
    folds = fold_of(cases)
    patients = {case.group: folds[case.name] for case in cases}
    assert all(folds[case.name] == patients[case.group] for case in cases)
    assert Counter(patients.values()) == {f'fold_{i}': 4 for i in range(5)}
    rare = {case.group: patients[case.group] for case in cases
            if 7 in case.labels}
    assert Counter(rare.values()) == {f'fold_{i}': 1 for i in range(5)}
    assert fold_of(cases) == folds
    assert fold_of(cases, seed=1) != folds


def test_test_data_stay_outside():
    cases = cases_of(20)
    folds = fold_of(cases, fractions=(0.8, 0, 0.2), folds=4)
    count = Counter(folds[case.name] for case in cases)
    assert count == {'test': 8, **{f'fold_{i}': 8 for i in range(4)}}
    given = [SplitCase(c.name, c.depth, c.labels, 'test' if i < 6 else 'train',
                       c.group) for i, c in enumerate(cases)]
    folds = fold_of(given)
    assert [folds[c.name] for c in given[:6]] == ['test'] * 6
    assert 'test' not in [folds[c.name] for c in given[6:]]
    assert len(set(folds.values())) == 6


def test_as_many_folds_as_patients():
    cases = cases_of(7)
    folds = fold_of(cases, folds='patients')
    assert Counter(folds.values()) == {f'fold_{i}': 2 for i in range(7)}
    kept = fold_of(cases, folds='patients', fractions=(0.7, 0, 0.3))
    assert Counter(kept.values()) == {
        'test': 4, **{f'fold_{i}': 2 for i in range(5)}}


def test_what_cannot_be_folded():
    with pytest.raises(InputError, match='split: 3 patients cannot fill '
                       'fold_0, fold_1, fold_2, fold_3, fold_4; give more '
                       'patients, or fewer --folds'):
        fold_of(cases_of(3))
    with pytest.raises(InputError, match='--folds: expected a split by case'):
        SplitPlan('slices', folds=5)
    with pytest.raises(InputError, match='--folds: expected at least 2'):
        SplitPlan(folds=1)


@pytest.mark.parametrize('options', [
    dict(folds=5, fractions=(1, 0, 0)), dict(by='case'),
    dict(by='case', fractions=(0.5, 0, 0.5))])
def test_new_cases_fill_up_what_is_there(options):
    """Whatever was split before stays; together they are near the plan."""
    cases = cases_of(30)
    plan = SplitPlan(**options)
    first = plan.assign(cases[:30])
    given = [(case, first[case.name]) for case in cases[:30]]
    # Another scan of a known patient, and 15 new patients.
    again = SplitCase('again', 9, [1], group='patient 3')
    found = plan.assign([again, *cases[30:]], given)
    assert list(found['again']) == list(first['p03_0'])
    whole = Counter(next(iter(splits)) for splits in plan.assign(
        cases).values())
    both = Counter(next(iter(splits)) for splits in (
        {**first, **found}).values())
    both[next(iter(found['again']))] -= 1
    assert both == whole


def test_a_new_scan_of_a_patient_split_by_slices_is_cut_too():
    old, new = (SplitCase(name, 40, [1], group='p') for name in ('a', 'b'))
    plan = SplitPlan('slices')
    first = plan.assign([old])
    assert plan.assign([new], [(old, first['a'])]) == {'b': first['a']}
    assert len(first['a']) == 3
    assert np.all([len(r) == 2 for ranges in first['a'].values()
                   for r in ranges])
