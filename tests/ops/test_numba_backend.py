"""The CPU kernels beside other threads and processes."""

import multiprocessing
import subprocess
import sys
import threading
from pathlib import Path
from unittest import mock

import pytest
import torch
from torch.utils.data import DataLoader, Dataset

from mmdbsam.ops import threads as threads_of_kernels
from mmdbsam.ops.backends import numba_backend

SHAPES = [(16, 16), (8, 8)]


def inputs():
    """Draw inputs with enough work for several threads."""
    generator = torch.Generator().manual_seed(0)
    value = torch.randn(1, 320, 4, 16, generator=generator)
    locations = torch.rand(1, 3000, 4, 2, 4, 2, generator=generator)
    weights = torch.rand(1, 3000, 4, 2, 4, generator=generator)
    return value, SHAPES, locations, weights


def results():
    """Return output and gradients."""
    output = numba_backend.forward(*inputs())
    return [output, *numba_backend.backward(output, *inputs())]


@pytest.fixture
def two_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def are_equal(found, wanted):
    return all(torch.equal(ours, other)
               for ours, other in zip(found, wanted, strict=True))


def test_the_number_of_threads_changes_nothing(two_threads):
    wanted = results()
    assert {t.name for t in threading.enumerate()
            if t.name.startswith('mmdbsam-kernel')} == {'mmdbsam-kernel_0',
                                                      'mmdbsam-kernel_1'}
    for threads in (1, 3):
        torch.set_num_threads(threads)
        assert are_equal(results(), wanted)
        assert threads_of_kernels._pool_size == (threads if threads > 1
                                                 else 2)


def test_several_threads_may_call_at_once(two_threads):
    wanted, found = results(), []
    callers = [threading.Thread(target=lambda: found.append(results()))
               for _ in range(4)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert len(found) == 4 and all(are_equal(one, wanted) for one in found)


class Outputs(Dataset):
    """Outputs that the data loader's workers compute."""

    def __len__(self):
        return 4

    def __getitem__(self, index):
        # A loader sets one. torch's own threads do not survive a fork.
        with mock.patch('torch.get_num_threads', return_value=2):
            return results()[0]


@pytest.mark.parametrize('method', ['fork', 'spawn'])
def test_runs_in_data_loader_workers(method, two_threads):
    wanted = results()[0]  # the parent's threads are running
    loader = DataLoader(Outputs(), batch_size=None, num_workers=2,
                        multiprocessing_context=multiprocessing.get_context(
                            method), timeout=120)
    outputs = list(loader)
    assert len(outputs) == 4
    assert all(torch.equal(output, wanted) for output in outputs)


def test_two_processes_compile_at_once(tmp_path, repo_root):
    """Both write to one empty cache, and a third process finds the kernels."""
    program = ('from test_numba_backend import results; '
               'from mmdbsam.ops.backends.numba_kernels import kernels; '
               'print(float(results()[0].sum()), '
               'sum(kernels(16).forward.stats.cache_hits.values()))')
    environment = {'NUMBA_CACHE_DIR': str(tmp_path), 'PATH': '',
                   'PYTHONPATH': f'{repo_root}:{Path(__file__).parent}'}

    def start():
        return subprocess.Popen([sys.executable, '-c', program],
                                cwd=repo_root, env=environment, text=True,
                                stdout=subprocess.PIPE)

    both = [start(), start()]
    outputs = [process.communicate(timeout=300)[0].split()
               for process in both]
    assert all(process.returncode == 0 for process in both)
    third = start().communicate(timeout=300)[0].split()
    assert third[1] == '1'
    assert {output[0] for output in outputs} == {third[0]}
