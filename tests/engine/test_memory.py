"""What is known of the memory of the machine."""

import sys

import pytest

from mmdbsam.engine import memory


@pytest.fixture
def system(tmp_path, monkeypatch):
    """A Linux with 8 GB free, on which this process is in a group."""
    monkeypatch.setattr(memory, '_PROC', tmp_path / 'proc')
    monkeypatch.setattr(memory, '_CGROUPS', tmp_path / 'cgroup')
    group = tmp_path / 'cgroup/job/step'
    for folder in (tmp_path / 'proc/self', group):
        folder.mkdir(parents=True)
    (tmp_path / 'proc/meminfo').write_text(
        'MemTotal:  16000000 kB\nMemFree:  100 kB\nMemAvailable: 8000000 kB\n')
    (tmp_path / 'proc/self/cgroup').write_text('4:cpu:/\n0::/job/step\n')
    return group


def test_what_is_free(system):
    assert memory.available_memory() == 8000000 * 1024


def test_limits_of_a_container(system):
    """Files in the cache count as free, and the tightest limit holds."""
    (system / 'memory.max').write_text('max\n')
    (system.parent / 'memory.max').write_text('3000000000\n')
    (system.parent / 'memory.stat').write_text(
        'anon 1000000000\nfile 1900000000\n')
    assert memory.available_memory() == 2000000000
    (system.parent / 'memory.stat').write_text('anon 3100000000\nfile 0\n')
    assert memory.available_memory() == 0


def test_without_groups(system, tmp_path):
    (tmp_path / 'proc/self/cgroup').write_text('4:cpu:/\n')
    assert memory.available_memory() == 8000000 * 1024


@pytest.mark.parametrize('platform', ['darwin', 'win32'])
def test_other_systems(monkeypatch, tmp_path, platform):
    monkeypatch.setattr(memory, '_PROC', tmp_path)
    monkeypatch.setattr(sys, 'platform', platform)
    monkeypatch.setattr('os.sysconf', dict(
        SC_PHYS_PAGES=2000000, SC_PAGE_SIZE=4096).__getitem__, raising=False)
    assert memory.available_memory() == (
        4096 * 1000000 if platform == 'darwin' else 2 * 10**9)
