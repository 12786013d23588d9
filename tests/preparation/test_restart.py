"""Preparing again, going on after a failure, and damaged cases."""

import csv
import errno
import json
import os

import numpy as np
import pytest
from synthetic import KEEP_ALL, volume

from mmdbsam.datasets import PreparedData
from mmdbsam.errors import InputError
from mmdbsam.preparation import SplitPlan, prepare_dataset, writer

ALL_TEST = SplitPlan('case', (0, 0, 1))


@pytest.fixture
def prepare(tmp_path):
    """Prepare tmp_path/in to tmp_path/out."""

    def run(**options):
        return prepare_dataset(
            tmp_path / 'in', tmp_path / 'out',
            **dict(dict(plan=ALL_TEST, options=KEEP_ALL), **options))

    return run


def state(folder):
    """The bytes and the time of every file."""
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns)
            for path in folder.rglob('*') if path.is_file()
            and path.name != 'dataset.json'}


def test_a_second_run_does_nothing(write_case, prepare, tmp_path):
    for name in 'abc':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    assert prepare().written == ['a', 'b', 'c']
    before = state(tmp_path / 'out')
    again = prepare()
    assert (again.written, again.kept) == ([], ['a', 'b', 'c'])
    assert state(tmp_path / 'out') == before


def test_the_tool_says_that_there_is_nothing_to_do(
        write_case, run_tool, tmp_path):
    for name in 'abc':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    args = (tmp_path / 'in', tmp_path / 'out', '--workers', '2')
    first, again = (run_tool('prepare_data.py', *args) for _ in range(2))
    assert first.returncode == again.returncode == 0, first.stderr
    assert 'nothing to do' not in first.stdout
    assert 'nothing to do: all 3 cases were prepared' in again.stdout


def test_a_changed_file_is_prepared_again(write_case, prepare, tmp_path):
    for name in 'ab':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    prepare()
    label = np.zeros((20, 10, 10), np.uint8)
    label[3:9] = 5
    write_case(tmp_path / 'in', 'b.nii.gz', label=volume(label))
    again = prepare()
    assert (again.written, again.kept) == (['b'], ['a'])
    assert again.data.labels == {1: 'label_1', 5: 'label_5'}
    np.testing.assert_array_equal(again.data.case('b').label()[0], label)
    # Case a does not show label 5.
    assert again.data.case('a').areas()[:, 1].sum() == 0
    assert again.data.case('b').areas()[:, 1].sum() == label.astype(bool).sum()


def test_cases_come_and_go_with_the_source(write_case, prepare, tmp_path):
    old = write_case(tmp_path / 'in', 'old.nii.gz')
    write_case(tmp_path / 'in', 'kept.nii.gz')
    prepare()
    old.image.unlink()
    old.labels[0].path.unlink()
    write_case(tmp_path / 'in', 'new.nii.gz')
    found = prepare()
    assert (found.written, found.kept) == (['new'], ['kept'])
    assert not (tmp_path / 'out/old').exists()
    assert {p.name for p in tmp_path.iterdir()} == {'in', 'out'}


def test_other_options_replace_the_data_on_demand_only(
        write_case, prepare, tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz')
    prepare()
    coronal = dict(options=KEEP_ALL.__class__(
        min_volume=0, min_area=0, plane='coronal'))
    with pytest.raises(InputError, match='replace it with --overwrite'):
        prepare(**coronal)
    assert PreparedData(tmp_path / 'out').cases[0].shape == (20, 10, 10)
    prepare(**coronal, overwrite=True)
    assert PreparedData(tmp_path / 'out').cases[0].shape == (10, 20, 10)
    assert {p.name for p in tmp_path.iterdir()} == {'in', 'out'}


@pytest.mark.parametrize('workers', [1, 2])
def test_a_damaged_case_is_left_out_and_named(
        write_case, prepare, tmp_path, workers):
    for name in ('a', 'b', 'c with spaces', 'ä'):
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    broken = tmp_path / 'in/images/b.nii.gz'
    whole = broken.read_bytes()
    broken.write_bytes(whole[:-9])
    (tmp_path / 'in/labels/c with spaces.nii.gz').unlink()
    write_case(tmp_path / 'in', 'd.nii.gz').image.unlink()
    found = prepare(workers=workers)
    assert [case.name for case in found.data.cases] == ['a', 'ä']
    assert list(found.problems) == ['b', 'c with spaces', 'd']
    assert 'b.nii.gz: expected a complete gzip' in found.problems['b']
    assert "expected a label named 'c with spaces'" in found.problems[
        'c with spaces']
    assert "labels/d.nii.gz: expected an image named 'd'" in found.problems[
        'd']
    with (tmp_path / 'out/problems.csv').open(encoding='utf-8') as stream:
        assert {row['case']: row['problem']
                for row in csv.DictReader(stream)} == found.problems

    broken.write_bytes(whole)
    write_case(tmp_path / 'in', 'c with spaces.nii.gz')
    write_case(tmp_path / 'in', 'd.nii.gz')
    found = prepare(workers=workers)
    assert found.written == ['b', 'c with spaces', 'd']
    assert not found.problems
    assert not (tmp_path / 'out/problems.csv').exists()


def test_the_exit_code_tells_of_damaged_cases(write_case, run_tool, tmp_path):
    for name in 'abcd':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    (tmp_path / 'in/labels/b.nii.gz').write_bytes(b'')
    result = run_tool('prepare_data.py', tmp_path / 'in', tmp_path / 'out')
    assert result.returncode == 1
    problem, error = result.stderr.splitlines()
    assert problem.startswith("problem: case 'b' left out: ")
    assert error.startswith('error: 1 of 4 cases left out, see ')
    assert len(PreparedData(tmp_path / 'out').cases) == 3


def test_after_a_full_disk_it_goes_on(write_case, prepare, monkeypatch,
                                      tmp_path):
    for name in 'abc':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    save, calls = np.save, []

    def full(path, array):
        calls.append(path)
        if len(calls) > 3:
            raise OSError(errno.ENOSPC, 'No space left on device', str(path))
        save(path, array)

    monkeypatch.setattr(np, 'save', full)
    with pytest.raises(InputError) as error:
        prepare()
    assert 'expected to write it, found: No space left on device' in str(
        error.value)
    assert not (tmp_path / 'out').exists()
    monkeypatch.undo()
    found = prepare()
    assert (found.written, found.kept) == (['b', 'c'], ['a'])
    assert {p.name for p in tmp_path.iterdir()} == {'in', 'out'}
    for case in found.data.cases:
        assert json.loads((case.folder / 'case.json').read_text())['name']


def test_a_killed_run_leaves_whole_cases(write_case, prepare, monkeypatch,
                                         tmp_path):
    for name in 'abc':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    save, calls = np.save, []

    def killed(path, array):
        calls.append(path)
        if len(calls) > 3:
            raise KeyboardInterrupt
        save(path, array)

    monkeypatch.setattr(np, 'save', killed)
    with pytest.raises(KeyboardInterrupt):
        prepare()
    monkeypatch.undo()
    found = prepare()
    assert (found.written, found.kept) == (['b', 'c'], ['a'])


def test_a_worker_that_the_system_stops(write_case, prepare, monkeypatch,
                                        tmp_path):
    for name in 'abc':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    monkeypatch.setattr(writer, '_one_thread', os.abort)
    with pytest.raises(InputError, match='run again with fewer --workers'):
        prepare(workers=2)
    monkeypatch.undo()
    assert prepare(workers=2).written == ['a', 'b', 'c']


def test_a_read_only_data_set(write_case, prepare, monkeypatch, tmp_path):
    """Root may write anywhere, so the system's answer is simulated."""
    write_case(tmp_path / 'in', 'a.nii.gz')
    prepare()
    monkeypatch.setattr('os.access', lambda *args: False)
    with pytest.raises(InputError, match='found one that is read-only'):
        prepare()
