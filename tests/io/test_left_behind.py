"""What a killed process leaves is removed by the next one."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmdbsam.io.atomic import write_text
from mmdbsam.io.left_behind import scratch_folder

SCRATCH = """
from mmdbsam.io.left_behind import scratch_folder
with scratch_folder() as folder:
    (folder / 'a').write_text('large')
    {}
"""
FILE = """
from pathlib import Path
from mmdbsam.io.atomic import staged_file
with staged_file(Path('a.txt')) as partial:
    partial.write_text('half')
    {}
"""
KILL = 'import os, signal; os.kill(os.getpid(), signal.SIGKILL)'


def call(code, folder, root=str(Path(__file__).parents[2])):
    return subprocess.run(
        [sys.executable, '-c', code], cwd=folder, env=dict(
            os.environ, TMPDIR=str(folder), PYTHONPATH=root)).returncode


@pytest.mark.parametrize('code', [SCRATCH, FILE])
def test_nothing_stays_for_good(tmp_path, code):
    assert call(code.format(KILL), tmp_path) == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 1
    assert call(code.format('pass'), tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] in ([], ['a.txt'])


def test_nothing_stays_of_a_config(tmp_path):
    """mmengine copies it to a folder for temporary files, and runs that."""
    (tmp_path / 'config.py').write_text(
        f"import os\nif 'KILLED' not in os.environ:\n    {KILL}\na = 1\n")
    code = ('{}from mmdbsam.engine.config import read_config; '
            "assert read_config('config.py').a == 1")
    assert call(code.format(''), tmp_path) == -signal.SIGKILL
    assert len(list(tmp_path.iterdir())) == 2
    assert call(code.format('import os; os.environ["KILLED"] = "1"; '),
                tmp_path) == 0
    assert [path.name for path in tmp_path.iterdir()] == ['config.py']


def test_what_belongs_to_processes_that_run_stays(tmp_path, monkeypatch):
    monkeypatch.setattr('tempfile.tempdir', str(tmp_path))
    with scratch_folder() as one, scratch_folder() as other:
        (one / 'a').touch()
        assert call(SCRATCH.format('pass'), tmp_path) == 0
        assert one != other and (one / 'a').exists() and other.is_dir()
    assert list(tmp_path.iterdir()) == []


def test_files_can_be_read_by_others(tmp_path):
    """As all that this user writes, which the mask says."""
    write_text(tmp_path / 'a', 'text')
    (tmp_path / 'b').touch()
    modes = {path.stat().st_mode for path in tmp_path.iterdir()}
    assert len(modes) == 1
