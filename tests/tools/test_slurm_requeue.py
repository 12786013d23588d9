"""tools/slurm_requeue.sh, with stand-ins for Slurm's commands."""

import os
import subprocess

import pytest

STAND_IN = '#!/bin/sh\necho {name} "$@" >> "$CALLS"\nexit {status}\n'


@pytest.mark.parametrize('status, is_requeued', [(75, True), (0, False),
                                                 (1, False)])
def test_what_has_saved_itself_is_put_back(repo_root, tmp_path, status,
                                           is_requeued):
    for name, code in (('srun', status), ('scontrol', 0)):
        path = tmp_path / name
        path.write_text(STAND_IN.format(name=name, status=code))
        path.chmod(0o755)
    calls = tmp_path / 'calls'
    done = subprocess.run(
        [repo_root / 'tools/slurm_requeue.sh', 'config.py', '--amp'],
        env={**os.environ, 'PATH': f'{tmp_path}:{os.environ["PATH"]}',
             'CALLS': str(calls), 'SLURM_JOB_ID': '42', 'PYTHON': 'python',
             'SLURM_SUBMIT_DIR': str(tmp_path)})
    first, *others = calls.read_text().splitlines()
    assert first.endswith('tools/train.py config.py --launcher slurm '
                          '--resume auto --amp')
    assert others == (['scontrol requeue 42'] if is_requeued else [])
    assert done.returncode == (0 if is_requeued else status)
