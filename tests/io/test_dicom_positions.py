"""DICOM images: where their slices are, and whether one is missing."""


import numpy as np
import pytest
from dicom_files import (
    write_slice,
    write_slices,
)
from dicom_reading import read, refused

RNG = np.random.default_rng(0)
HEIGHTS = [0, 3, 6, 9]


@pytest.mark.parametrize('step, unit', [
    (1.25, 0.1), (0.625, 0.1), (0.4, 0.1), (5, 1), (1 / 3, 0.01),
    (2.5, 1), (3.3, 1), (2.1, 1), (0.25, 0.1)])
def test_positions_that_are_rounded(tmp_path, step, unit):
    """No slice is missing where each is as near as its rounding allows."""
    heights = np.rint(np.arange(25) * step / unit) * unit
    folder = write_slices(tmp_path / 'a', np.zeros((25, 4, 4), np.int16),
                          np.round(heights, 6).tolist())
    spacing = read(folder)[1]['spacing'][2]
    assert spacing == pytest.approx(step, abs=unit / 24)


@pytest.mark.parametrize('count', [3, 4, 20, 101])
@pytest.mark.parametrize('step', [1.25, 1, 2, 3, 2.5])
def test_a_missing_slice_is_found_wherever_it_is(tmp_path, count, step):
    for gap in {1, count // 2, count - 2}:
        heights = [step * i + step * (i > gap) for i in range(count)]
        folder = write_slices(tmp_path / f'{gap}', np.zeros(
            (count, 2, 2), np.int16), np.round(heights, 2).tolist())
        assert 'slices are missing' in refused(folder)


@pytest.mark.parametrize('steps, is_even', [
    ([5.] * 50 + [5.01] * 50, True), ([1.2] * 6 + [1.3] * 6, True),
    ([2, 2, 2, 3, 3, 3], False), ([3, 3, 3, 3, 4, 4, 4], False)])
def test_distances_that_change(tmp_path, steps, is_even):
    """Rounding to whole mm does not explain those of the last two."""
    heights = np.cumsum([0, *steps]).round(3).tolist()
    folder = write_slices(tmp_path / 'a', np.zeros(
        (len(heights), 2, 2), np.int16), heights)
    if is_even:
        assert read(folder)[1]['size'][2] == len(heights)
    else:
        assert 'slices are missing' in refused(folder)


def test_jitter_and_rounding_in_the_plane_are_no_tilt(tmp_path):
    moves = RNG.uniform(-0.05, 0.05, (10, 3)).round(3)
    for i, move in enumerate(moves):
        write_slice(tmp_path / f'{i}.dcm', np.zeros((4, 4), np.int16),
                    (move + [20, -30, 2 * i]).tolist())
    assert read(tmp_path)[1]['spacing'][2] == pytest.approx(2, abs=0.02)
    write_slice(tmp_path / '9.dcm', np.zeros((4, 4), np.int16), (20, -29, 18))
    assert 'a tilted gantry' in refused(tmp_path)


@pytest.mark.parametrize('tags, wanted', [
    (dict(SliceThickness=5), 5), (dict(SpacingBetweenSlices=-4), 4),
    (dict(SliceThickness=5, SpacingBetweenSlices=4), 4), ({}, 1),
    (dict(SliceThickness=0), 1), (dict(SliceThickness='5.0E0'), 5)])
def test_the_thickness_of_a_single_slice(tmp_path, tags, wanted):
    write_slice(tmp_path / 'a.dcm', np.ones((4, 4), np.int16), **tags)
    assert read(tmp_path)[1]['spacing'] == [1, 1, wanted]
