"""Freed memory is kept where glibc is the allocator and nobody objects."""

import os
import platform
import subprocess
import sys

import pytest

# Large arrays that come and go, and the pages that faulted meanwhile.
FAULTS = """
import resource
import numpy as np
from mmdbsam.cli.allocator import keep_freed_memory
told = {keep} and keep_freed_memory()
for _ in range(3):
    np.ones(10_000_000)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(10):
    np.ones(10_000_000)
print(told, resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def run(repo_root, keep, **env):
    done = subprocess.run(
        [sys.executable, '-c', FAULTS.format(keep=keep)], check=True,
        capture_output=True, text=True,
        env={**os.environ, 'PYTHONPATH': str(repo_root), **env})
    told, faults = done.stdout.split()
    return told == 'True', int(faults)


@pytest.fixture
def plain(monkeypatch):
    """An environment that says nothing of the allocator."""
    for name in list(os.environ):
        if name.startswith('MALLOC_') or name == 'LD_PRELOAD':
            monkeypatch.delenv(name)


def test_pages_of_freed_memory_do_not_fault_again(repo_root, plain):
    told, kept = run(repo_root, True)
    assert told == (platform.libc_ver()[0] == 'glibc')
    if told:
        assert 10 * kept < run(repo_root, False)[1]


@pytest.mark.parametrize('name, value', [('MALLOC_ARENA_MAX', '2'),
                                         ('MALLOC_TOP_PAD_', '1000')])
def test_the_users_own_settings_count(repo_root, plain, name, value):
    assert run(repo_root, True, **{name: value})[0] is False
