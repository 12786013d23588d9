"""Kills, full disks and read-only places, in short."""

import errno
import os
import resource
import subprocess
import sys

import pytest

from campaign.kills import (
    ROOT,
    SPINE,
    TINY,
    Command,
    files_of,
    kill_and_repeat,
    prepare_words,
    run,
)


def test_a_killed_preparation_ends_as_if_it_had_not_been():
    command = Command('prepare', lambda to: prepare_words(to / 'out', SPINE),
                      files_of)
    killed, faults = kill_and_repeat(command, 2)
    assert killed and not faults


def test_what_differs_is_noticed(tmp_path):
    """A command whose results are never the same."""
    count = iter(range(9))
    command = Command('prepare', lambda to: prepare_words(to / 'out', SPINE),
                      lambda to: dict(a=str(next(count))))
    _, faults = kill_and_repeat(command, 1)
    assert len(faults) == 1 and "'a'] differ" in faults[0]


def limited(words, size):
    """Run a command that can write files of so many bytes only."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [sys.executable, '-m', 'mmdbsam', *map(str, words)], preexec_fn=limit,
        capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'))


@pytest.mark.parametrize('size', [5_000, 200_000])
def test_a_full_disk(tmp_path, size):
    """Files that grow no further are refused like those on a full disk."""
    dest = tmp_path / 'out'
    done = limited(prepare_words(dest, SPINE), size)
    *_, line = done.stderr.splitlines()
    assert done.returncode == 1, done.stderr
    assert line.startswith('error: ') and 'Traceback' not in done.stderr
    assert str(dest) in line or 'lumbar' in line
    assert os.strerror(errno.EFBIG) in line
    assert not dest.exists()
    run(prepare_words(dest, SPINE))
    assert {path.name for path in tmp_path.iterdir()} == {'out'}


@pytest.mark.parametrize('command', ['prepare', 'train', 'infer', 'export'])
def test_a_destination_that_is_a_file(tmp_path, command):
    (tmp_path / 'file').write_text('mine')
    dest = tmp_path / 'file/out'
    words = dict(
        prepare=prepare_words(dest, SPINE),
        train=['train', TINY, '--work-dir', dest],
        infer=['infer', next((SPINE / 'images').iterdir()), '-o',
               dest / 'a.nii.gz', '--box', *'123456'],
        export=['export', TINY, 'nowhere.pth', '-o', dest])[command]
    done = subprocess.run(
        [sys.executable, '-m', 'mmdbsam', *map(str, words)],
        capture_output=True, text=True, cwd=tmp_path,
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'))
    assert done.returncode == 1
    assert done.stderr.startswith('error: ')
    assert done.stderr.count('\n') == 1, done.stderr
    assert (tmp_path / 'file').read_text() == 'mine'
