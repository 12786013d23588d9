"""The CT window."""

import numpy as np
import pytest

from mmdbsam.datasets.preparation import Window
from mmdbsam.errors import InputError


@pytest.mark.parametrize('level, width, hu, grey', [
    (40, 400, [-1000, -160, -159, 0, 140, 239, 240, 3000],
     [0, 0, 1, 102, 191, 254, 255, 255]),
    (-600, 1500, [-1350, -600.1, -599.9, 150], [0, 127, 128, 255]),
])
def test_window_numbers(level, width, hu, grey):
    found = Window(level, width).apply(np.array(hu))
    assert found.dtype == np.uint8
    assert found.tolist() == grey


def test_window_keeps_order_and_uses_all_grey_values():
    found = Window(40, 400).apply(np.arange(-200, 300, dtype=np.int16))
    assert (np.diff(found.astype(int)) >= 0).all()
    assert len(np.unique(found)) == 256


@pytest.mark.parametrize('width', [0, -400, float('nan')])
def test_window_without_width_is_refused(width):
    with pytest.raises(InputError, match='width > 0'):
        Window(40, width)
