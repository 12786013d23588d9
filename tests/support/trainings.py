"""Trainings of the tiny model by the command line, and what they leave."""

import json
import subprocess
import sys

import pytest
import torch

CONFIG = 'tests/data/dbsam_tiny_spine.py'


@pytest.fixture(scope='session')
def tool(repo_root, prepared_spine):
    """The command line of a tool on the tiny config and the spine CT."""

    def command(name, *args, options=()):
        return [sys.executable, f'tools/{name}.py', CONFIG, *map(str, args),
                '--cfg-options', f'data_root={prepared_spine}', *options]

    return command


@pytest.fixture(scope='session')
def run_command(repo_root):
    """A function that runs a command and returns its output."""

    def run(command):
        done = subprocess.run(command, cwd=repo_root, capture_output=True,
                              text=True)
        assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
        return done.stdout + done.stderr

    return run


def losses(work_dir):
    """The losses by step of all runs in a work directory; the latest count."""
    found = {}
    for path in sorted(work_dir.glob('*/vis_data/scalars.json')):
        for line in path.read_text().splitlines():
            record = json.loads(line)
            if 'loss' in record:
                found[record['step']] = record['loss']
    return found


def state(checkpoint, part='state_dict'):
    """A part of a checkpoint."""
    return torch.load(checkpoint, weights_only=False)[part]
