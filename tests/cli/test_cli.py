"""The command ``mmdbsam``: quick help, one-line errors, light imports."""

import os
import subprocess
import sys

import pytest

from mmdbsam.cli import COMMANDS
from mmdbsam.errors import InputError, run_cli

HEAVY = ('torch', 'mmengine', 'mmcv', 'matplotlib', 'jinja2')


def mmdbsam(repo_root, *words, code=None, **env):
    """Run the command, or code, in a process of its own."""
    command = ['-c', code] if code else ['-m', 'mmdbsam', *words]
    path = os.pathsep.join([str(repo_root), os.environ.get('PYTHONPATH', '')])
    return subprocess.run(
        [sys.executable, *command], capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': path, **env})


def loaded_by(repo_root, statement, modules):
    """Find which of some modules a statement imports."""
    done = mmdbsam(repo_root, code=f'import sys\n{statement}\n'
                   f'print(*(name for name in {modules!r} '
                   'if name in sys.modules))')
    assert done.returncode == 0, done.stderr
    return done.stdout.split('\n')[-2].split()


def test_help_names_every_command(repo_root):
    done = mmdbsam(repo_root, '--help')
    assert done.returncode == 0
    for name, summary in COMMANDS.items():
        assert name in done.stdout and summary.split(',')[0] in done.stdout


@pytest.mark.parametrize('name', COMMANDS)
def test_help_of_a_command_needs_nothing_heavy(repo_root, name):
    """Modules that take seconds to import are imported when a command runs."""
    found = loaded_by(
        repo_root, 'from mmdbsam.cli import run\n'
        f'try: run([{name!r}, "--help"])\nexcept SystemExit: pass', HEAVY)
    assert found == []


def test_inference_loads_neither_plots_nor_pages_nor_scores(repo_root):
    assert loaded_by(repo_root, 'import mmdbsam.apis', (
        'matplotlib', 'jinja2', 'surface_distance')) == []


def test_an_error_is_one_line_or_on_request_a_traceback(repo_root):
    done = mmdbsam(repo_root, 'train', 'none.py')
    assert done.returncode == 1
    assert done.stderr == 'error: config none.py: no such file\n'
    shown = mmdbsam(repo_root, 'train', 'none.py', MMDBSAM_TRACEBACK='1')
    assert shown.returncode == 1
    assert shown.stderr.startswith('Traceback')
    assert 'InputError: config none.py: no such file' in shown.stderr


def test_other_errors_keep_their_traceback(monkeypatch):
    def fail():
        raise TypeError('a fault of ours, with the word argument')

    with pytest.raises(TypeError):
        run_cli(fail)


def test_a_config_can_be_named(command):
    """The config is found by its name; a wrong name lists the right ones."""
    with pytest.raises(InputError, match='config dbsam_tiny_ct: expected a '
                       'file or one of .*dbsam_tinyvit_ct'):
        command('train', 'dbsam_tiny_ct')
