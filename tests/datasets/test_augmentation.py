"""Augmentations keep image and label together."""

import cv2
import numpy as np
import pytest

from mmdbsam.datasets import (
    RandomAffine,
    RandomCoarsen,
    RandomNoise,
    RandomWindow,
)

TRANSFORMS = [RandomAffine, RandomCoarsen, RandomNoise, RandomWindow]


def blob(seed=0, shape=(96, 128)):
    """A bright ellipse and its label, as a slice without prompts yet."""
    y, x = np.mgrid[:shape[0], :shape[1]]
    inside = ((y - 40) / 20)**2 + ((x - 60) / 30)**2 < 1
    return dict(img=np.where(inside, 200, 40).astype(np.uint8),
                label=np.where(inside, 7, 0).astype(np.uint8)[None],
                rng=np.random.default_rng(seed))


@pytest.mark.parametrize('transform', TRANSFORMS)
def test_a_sample_is_a_function_of_its_generator(transform):
    first, again, other = (transform(1.)(blob(seed)) for seed in (1, 1, 2))
    for key in ('img', 'label'):
        np.testing.assert_array_equal(first[key], again[key])
        assert first[key].dtype == np.uint8
        assert first[key].shape[-2:] == (96, 128)
    assert not np.array_equal(first['img'], other['img'])
    assert set(np.unique(first['label'])) == {0, 7}


@pytest.mark.parametrize('transform', TRANSFORMS)
def test_a_probability_of_zero_changes_nothing(transform):
    found, before = transform(0.)(blob()), blob()
    for key in ('img', 'label'):
        np.testing.assert_array_equal(found[key], before[key])


@pytest.mark.parametrize('seed', range(8))
@pytest.mark.parametrize('transform', [RandomAffine, RandomCoarsen])
def test_the_label_follows_the_image(transform, seed):
    found = transform(1.)(blob(seed))
    seen, label = found['img'] > 120, found['label'][0] > 0
    # They may differ by interpolation, along the contour.
    band = cv2.dilate(label.astype(np.uint8), np.ones((9, 9))) \
        - cv2.erode(label.astype(np.uint8), np.ones((9, 9)))
    assert not (seen != label)[band == 0].any()
    assert (seen != label).sum() < 0.12 * label.sum()


def test_affine_scales_by_what_it_is_told():
    before = (blob()['label'] > 0).sum()
    for scale in (0.5, 1.3):
        found = RandomAffine(1., scale=(scale, scale), angle=0, shift=0)(
            blob())
        after = (found['label'] > 0).sum()
        assert after / before == pytest.approx(scale**2, rel=0.03)


def test_affine_turns_about_the_centre(monkeypatch):
    """A turn by 180 degrees equals both flips."""
    results = blob()
    turn = cv2.getRotationMatrix2D
    monkeypatch.setattr(cv2, 'getRotationMatrix2D', lambda centre, angle,
                        scale: turn(centre, 180, scale))
    found = RandomAffine(1., scale=(1, 1), angle=0, shift=0)(results)
    for key in ('img', 'label'):
        np.testing.assert_array_equal(found[key], np.flip(blob()[key]))


def test_coarsening_by_a_whole_factor_gives_blocks():
    noise = np.random.default_rng(0).integers(0, 256, (96, 128))
    results = dict(blob(), img=noise.astype(np.uint8))
    found = RandomCoarsen(1., factor=(4., 4.))(dict(results))
    blocks = found['label'].reshape(24, 4, 32, 4)
    assert (blocks == blocks[:, :1, :, :1]).all()
    assert found['img'].mean() == pytest.approx(results['img'].mean(), abs=1)
    # Noise is averaged over 16 pixels, then interpolated.
    assert found['img'].std() < results['img'].std() / 4


def test_window_maps_grey_values_monotonically():
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(2, 0)
    for seed in range(20):
        found = RandomWindow(1.)(dict(
            img=ramp, rng=np.random.default_rng(seed)))['img'][0].astype(int)
        assert (np.diff(found) >= 0).all()
        assert np.unique(found).size > 60
    same = RandomWindow(1., level=0, width=(1, 1), gamma=(1, 1))(dict(
        img=ramp, rng=np.random.default_rng(0)))['img']
    np.testing.assert_array_equal(same, ramp)


@pytest.mark.parametrize('transform', [
    RandomAffine(1., shift=3.), RandomCoarsen(1., factor=(90., 100.))])
def test_a_change_that_loses_the_label_is_not_made(transform):
    """A prompt needs something to ask for."""
    before = blob(5)
    before['label'][:] = 0
    before['label'][0, 40, 60] = 7
    for seed in range(6):
        found = transform(dict(before, rng=np.random.default_rng(seed)))
        assert (found['label'] == 7).any()
        if not np.array_equal(found['label'], before['label']):
            continue
        np.testing.assert_array_equal(found['img'], before['img'])


def test_coarse_pixels_are_not_fewer_than_asked():
    slice_ = dict(blob(), img=np.random.default_rng(0).integers(
        0, 256, (96, 128)).astype(np.uint8))
    kept = RandomCoarsen(1., factor=(4., 4.), min_side=128)(dict(slice_))
    np.testing.assert_array_equal(kept['img'], slice_['img'])
    for least, ratio in ((64, 2), (16, 4)):
        rng = np.random.default_rng(0)
        found, told = (RandomCoarsen(1., factor=(factor, factor), **options)(
            dict(slice_, rng=rng)) for factor, options in (
                (4., dict(min_side=least)), (ratio, {})))
        np.testing.assert_array_equal(found['img'], told['img'])


@pytest.mark.parametrize('grain', [0., 1.])
def test_noise_has_the_strength_that_it_is_told(grain):
    flat = dict(img=np.full((96, 128), 120, np.uint8),
                rng=np.random.default_rng(0))
    found = RandomNoise(1., std=(9., 9.), grain=(grain, grain))(flat)['img']
    assert found.mean() == pytest.approx(120, abs=0.6)
    assert found.std() == pytest.approx(9, rel=0.05)
    beside = np.corrcoef(found[:, 1:].ravel(), found[:, :-1].ravel())[0, 1]
    assert (beside > 0.5) == (grain > 0)
