"""tools/slurm_requeue.sh, with stand-ins for Slurm's commands."""

import os
import signal
import subprocess
import time

import pytest

REQUEUE = 'scontrol requeue 42'


@pytest.fixture
def job(repo_root, tmp_path):
    """Start the script, with what srun does as lines of a shell."""

    def start(srun):
        for name, lines in (('srun', srun), ('scontrol', 'exit 0')):
            path = tmp_path / name
            path.write_text(f'#!/bin/bash\necho {name} "$@" >> "$CALLS"\n'
                            f'{lines}\n')
            path.chmod(0o755)
        return subprocess.Popen(
            [repo_root / 'tools/slurm_requeue.sh', 'config.py', '--amp'],
            env={**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}',
                 'CALLS': str(tmp_path / 'calls'), 'SLURM_JOB_ID': '42',
                 'PYTHON': 'python', 'SLURM_SUBMIT_DIR': str(tmp_path)})

    return start


def calls(tmp_path):
    """The commands of Slurm that were called."""
    return (tmp_path / 'calls').read_text().splitlines()


@pytest.mark.parametrize('status, is_requeued', [(75, True), (0, False),
                                                 (1, False)])
def test_what_has_saved_itself_is_put_back(job, tmp_path, status,
                                           is_requeued):
    assert job(f'exit {status}').wait(60) == (0 if is_requeued else status)
    first, *others = calls(tmp_path)
    assert first.endswith('tools/train.py config.py --launcher slurm '
                          '--resume auto --amp')
    assert others == ([REQUEUE] if is_requeued else [])


# 137 is the status of a task that Slurm has killed because another has ended.
@pytest.mark.parametrize('status, is_requeued', [(75, True), (137, True),
                                                 (0, False)])
def test_the_signal_reaches_the_training_and_is_waited_for(
        job, tmp_path, status, is_requeued):
    ready, saved = tmp_path / 'ready', tmp_path / 'saved'
    process = job(f'trap "sleep 0.3; touch {saved}; exit {status}" USR1\n'
                  f'touch {ready}\nwhile true; do sleep 0.05; done')
    while not ready.exists():
        assert process.poll() is None
        time.sleep(0.01)
    process.send_signal(signal.SIGUSR1)
    assert process.wait(60) == 0
    assert saved.exists(), 'the job has ended before the training'
    assert calls(tmp_path)[1:] == ([REQUEUE] if is_requeued else [])
