"""Arrays of prepared cases, opened by several threads at once."""

import gc
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from mmdbsam.io.prepared_arrays import open_array


class Cycle:
    """Rubbish whose collection lets another thread run."""

    def __init__(self):
        self.itself = self

    def __del__(self):
        time.sleep(1e-4)


@pytest.fixture
def busy_collector():
    """Set how often rubbish is collected, which is restored."""
    before = gc.get_threshold()
    yield gc.set_threshold
    gc.set_threshold(*before)


def test_threads_open_arrays_at_once(tmp_path, busy_collector):
    """Python 3.11.7 fails when two threads parse headers, gh-106905."""
    path = tmp_path / 'label.npy'
    np.save(path, np.ones((1, 4, 5, 6), np.uint8))

    def opened(_):
        Cycle()
        return open_array(path, ['uint8'], [(-1, 4, 5, 6)]).all()

    with ThreadPoolExecutor(4) as executor:
        for threshold in range(2, 30):
            busy_collector(threshold)
            assert all(executor.map(opened, range(100)))
