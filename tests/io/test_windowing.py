"""The conversion of intensities to 8 bits."""

import numpy as np
import pytest

from mmdbsam.errors import InputError
from mmdbsam.io.windowing import (
    IDENTITY,
    WINDOWS,
    PercentileWindow,
    Window,
    parse_window,
)


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


@pytest.mark.parametrize('dtype', [np.uint16, np.float32, np.int32])
def test_percentiles_are_those_of_the_non_zero_voxels(dtype):
    """Background does not count, and outliers are clipped."""
    values = np.zeros((20, 30, 40), dtype)
    values[5:15] = np.arange(10 * 30 * 40).reshape(10, 30, 40) + 40000
    values[0, 0, 0] = 65535
    window = PercentileWindow().fit(values)
    found = window.apply(values)
    assert found[0, 0, 1] == 0 and found[0, 0, 0] == 255
    inside = found[5:15]
    assert 0.004 < (inside == 0).mean() < 0.009
    assert 0.004 < (inside == 255).mean() < 0.009
    assert PercentileWindow(0, 100).fit(values).apply(values)[5, 0, 0] == 0


def test_eight_bits_are_left_as_they_are():
    values = np.arange(256, dtype=np.uint8).reshape(1, 16, 16)
    np.testing.assert_array_equal(IDENTITY.apply(values), values)


@pytest.mark.parametrize('value', [0, 7])
def test_a_constant_volume_is_refused(value):
    with pytest.raises(InputError, match='expected intensities'):
        PercentileWindow().fit(np.full((2, 3, 4), value, np.int16))


def test_windows_by_name_and_by_numbers():
    assert parse_window(['lung']) == Window(-600, 1500)
    assert parse_window(['-100', '20.5']) == Window(-100, 20.5)
    assert parse_window(['percentiles']) is WINDOWS['percentiles']
    for words in (['lungs'], ['1'], ['1', '2', '3'], ['1', 'x']):
        with pytest.raises(InputError, match='--window: expected LEVEL WIDTH'):
            parse_window(words)
