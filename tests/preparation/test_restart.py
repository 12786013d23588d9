"""Preparing again, going on after a failure, and damaged cases."""

import csv
import errno
import json
import os
import subprocess
import sys
from contextlib import ExitStack

import numpy as np
import pytest
from synthetic import KEEP_ALL, volume

from mmdbsam.datasets import PreparedData
from mmdbsam.errors import InputError
from mmdbsam.io.locks import locked
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
    assert ('expected a place to write to, found: No space left on device'
            in str(error.value))
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


def deadly(case, options, root, prepare_case=writer._prepare_case):
    """Prepare a case, unless it is the one that ends the process."""
    if case.name == 'b':
        os.abort()
    return prepare_case(case, options, root)


def test_a_case_that_ends_its_process_is_left_out_alone(
        write_case, prepare, monkeypatch, tmp_path):
    for name in 'abcd':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    monkeypatch.setattr(writer, '_prepare_case', deadly)
    found = prepare(workers=2)
    assert found.written == ['a', 'c', 'd']
    assert list(found.problems) == ['b']
    assert 'images/b.nii.gz: expected a case that can be read, found that ' \
        'the process' in found.problems['b']
    monkeypatch.undo()
    assert prepare(workers=2).written == ['b']


def test_two_at_once_make_one_data_set(write_case, repo_root, tmp_path):
    for name in 'abcdefgh':
        write_case(tmp_path / 'in', f'{name}.nii.gz')
    words = [sys.executable, str(repo_root / 'tools/prepare_data.py'),
             str(tmp_path / 'in'), str(tmp_path / 'out'), '--workers', '1',
             '--min-volume', '0', '--min-area', '0']
    with ExitStack() as stack:
        # However fast one of them is, both are there when the lock opens.
        with locked(tmp_path / 'out'):
            both = [stack.enter_context(subprocess.Popen(
                words, text=True, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=dict(os.environ, PYTHONPATH=str(repo_root))))
                for _ in range(2)]
            waiting = [process.stderr.readline() for process in both]
        outputs = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert all(line.startswith('waiting for process') for line in waiting)
    assert sum('nothing to do' in out for out, _ in outputs) == 1
    data = PreparedData(tmp_path / 'out')
    assert [case.name for case in data.cases] == list('abcdefgh')
    for case in data.cases:
        assert case.image().shape == case.shape
    assert {p.name for p in tmp_path.iterdir()} == {'in', 'out'}


@pytest.mark.parametrize(('name', 'damage'), [
    ('image.npy', lambda data: None),
    ('label.npy', lambda data: data[:-1]),
    ('image.npy', lambda data: data[:-9] + bytes([data[-9] ^ 4]) + data[-8:]),
    ('areas.npy', lambda data: b''),
    ('case.json', lambda data: data[:50]),
    ('case.json', lambda data: b'[]'),
    ('case.json', lambda data: data.replace(b'20', b'21')),
    ('case.json', lambda data: b'[' * 100_000),
])
def test_a_case_that_was_damaged_is_prepared_again(
        write_case, prepare, tmp_path, name, damage):
    for case in 'ab':
        write_case(tmp_path / 'in', f'{case}.nii.gz')
    prepare()
    before = {name: content for name, (content, _) in
              state(tmp_path / 'out').items()}
    file = tmp_path / 'out/b' / name
    content = damage(file.read_bytes())
    file.unlink()
    if content is not None:
        file.write_bytes(content)
    again = prepare()
    assert (again.written, again.kept) == (['b'], ['a'])
    assert before == {name: content for name, (content, _) in
                      state(tmp_path / 'out').items()}


@pytest.mark.parametrize('content', ['', '[', '{}', '[' * 100_000])
def test_a_damaged_origin_is_that_of_other_data(write_case, prepare, tmp_path,
                                                content):
    write_case(tmp_path / 'in', 'a.nii.gz')
    prepare()
    (tmp_path / 'out/origin.json').write_text(content)
    with pytest.raises(InputError, match='replace it with --overwrite'):
        prepare()
    assert prepare(overwrite=True).written == ['a']


def test_what_a_killed_run_left_is_removed(write_case, prepare, tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz')
    prepare()
    (tmp_path / 'out/.gone.partial').mkdir()
    (tmp_path / '.out.old/a').mkdir(parents=True)
    (tmp_path / 'out/.partial.here.1.2.dataset.json').write_text('half')
    (tmp_path / '.out.lock').write_text('process 1 on here')
    prepare()
    assert {p.name for p in tmp_path.iterdir()} == {'in', 'out'}
    assert {p.name for p in (tmp_path / 'out').iterdir()} == {
        'a', 'dataset.json', 'index.safetensors', 'origin.json'}


def test_a_read_only_data_set(write_case, prepare, monkeypatch, tmp_path):
    """Root may write anywhere, so the system's answer is simulated."""
    write_case(tmp_path / 'in', 'a.nii.gz')
    prepare()
    monkeypatch.setattr('os.access', lambda *args: False)
    with pytest.raises(InputError, match='found one that is read-only'):
        prepare()
