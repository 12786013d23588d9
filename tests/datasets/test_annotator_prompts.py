"""The prompts that a training draws as annotators would give them."""

import numpy as np
import pytest
from scipy import ndimage

from mmdbsam.datasets import (
    AnnotatorPromptsFromMask,
    PackPromptSample,
    PreparedCase,
    RandomFlip,
    ResizeLongestSide,
)
from mmdbsam.datasets.transforms.drawn_prompts import (
    draw_point,
    draw_rough_mask,
    draw_scribble,
)
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes

SEEDS = range(12)
SHARES = dict(box=1, point=1, box_and_point=1, mask=1, scribble=1)


def blob(seed, shape=(40, 60)):
    """A random object of one or several smooth parts."""
    noise = np.random.default_rng(seed).normal(size=shape)
    smooth = ndimage.gaussian_filter(noise, 3)
    return smooth > np.quantile(smooth, 0.8)


def thin(seed):
    """A line of one pixel's width, which every erosion removes."""
    mask = np.zeros((30, 40), bool)
    mask[5:25, 10 + seed] = True
    return mask


OBJECTS = [blob(seed) for seed in SEEDS] + [thin(0), thin(20)]


def sample(seed=0, **options):
    label = blob(seed).astype(np.uint8)
    label[blob(seed + 100)] = 2
    rng = np.random.default_rng(seed)
    results = dict(
        img=rng.integers(0, 256, label.shape).astype(np.uint8),
        label=label[None], rng=rng, slice_index=0, flip=False,
        flip_direction=None, task='made up', block=(0, 1),
        ori_shape=label.shape, case=PreparedCase(
            'made up', None, (1, *label.shape), {}))
    options = dict(dict(shares=SHARES, min_area=1, prompts_per_image=40,
                        jitter=3), **options)
    return AnnotatorPromptsFromMask(**options)(results)


def kinds_of(found):
    """The kind of each prompt, read from what the model is given."""
    count = (found['points'][..., 2] == 1).sum(1)
    return [{(True, False, False): 'box', (False, False, True): 'point',
             (True, False, True): 'box_and_point',
             (True, True, False): 'mask',
             (False, True, True): 'scribble'}[box, mask, points > 0]
            for box, mask, points in zip(
                found['has_box'].tolist(), found['has_mask'].tolist(), count,
                strict=True)]


@pytest.mark.parametrize('mask', OBJECTS)
def test_a_point_is_in_the_object_and_likelier_where_it_is_deep(mask):
    rng = np.random.default_rng(0)
    points = np.array([draw_point(mask, rng) for _ in range(400)])
    assert mask[points[:, 1], points[:, 0]].all()
    depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    mean = depth[points[:, 1], points[:, 0]].mean()
    # Drawn in proportion to it, the depth has this mean.
    wanted = (depth**2).sum() / depth.sum()
    assert mean == pytest.approx(wanted, rel=0.1)


@pytest.mark.parametrize('mask', OBJECTS)
def test_a_rough_mask_meets_the_object_and_is_not_it(mask):
    rng = np.random.default_rng(0)
    drawn = [draw_rough_mask(mask, rng) for _ in range(40)]
    overlap = [(rough & mask).sum() / (rough | mask).sum() for rough in drawn]
    assert min(overlap) > 0.1 and np.mean(overlap) > 0.4
    assert np.mean([one < 1 for one in overlap]) > 0.4
    kinds = {(bool((rough & ~mask).any()), bool((mask & ~rough).any()))
             for rough in drawn}
    # Larger than the object, smaller, and neither.
    assert {(True, False), (False, True), (True, True)} <= kinds


@pytest.mark.parametrize('mask', OBJECTS)
def test_a_scribble_lies_in_the_object_and_is_one_stroke(mask):
    rng = np.random.default_rng(0)
    lengths = []
    for _ in range(20):
        path, stroke = draw_scribble(mask, rng)
        assert mask[path[:, 1], path[:, 0]].all()
        assert (abs(np.diff(path, axis=0)).max(axis=1, initial=0) <= 1).all()
        assert stroke[path[:, 1], path[:, 0]].all()
        assert not (stroke & ~mask).any()
        _, parts = ndimage.label(stroke, np.ones((3, 3)))
        assert parts == 1
        lengths.append(len(path))
    assert np.mean(lengths) > 0.3 * np.sqrt(mask.sum())


@pytest.mark.parametrize('seed', SEEDS)
def test_each_kind_gives_what_its_name_says(seed):
    found = sample(seed)
    assert set(kinds_of(found)) == set(SHARES)
    for k, kind in enumerate(kinds_of(found)):
        mask = found['masks'][k].astype(bool)
        rough = found['rough_masks'][k].astype(bool)
        x, y, given = found['points'][k].T.astype(int)
        assert set(given) <= {1, -1}
        assert mask[y[given == 1], x[given == 1]].all()
        assert rough.any() == (kind in ('mask', 'scribble'))
        x0, y0, x1, y1 = found['boxes'][k]
        held = rough if kind == 'mask' else mask
        rows, columns = np.nonzero(held)
        assert x0 <= columns.min() and columns.max() <= x1
        assert y0 <= rows.min() and rows.max() <= y1
        if kind == 'mask':
            np.testing.assert_array_equal(found['boxes'][k],
                                          tight_boxes(rough[None])[0])
        if kind == 'scribble':
            assert (given == 1).all() and rough[y, x].all()


def test_shares_are_kept():
    found = kinds_of(sample(prompts_per_image=4000, shares=dict(
        box=2, point=1, scribble=1)))
    for kind, share in dict(box=0.5, point=0.25, scribble=0.25).items():
        assert found.count(kind) / 4000 == pytest.approx(share, abs=0.03)
    assert set(kinds_of(sample(shares=dict(point=3)))) == {'point'}


def test_the_same_seed_draws_the_same_prompts():
    first, again = sample(3), sample(3)
    for key in ('boxes', 'points', 'rough_masks', 'has_box', 'has_mask'):
        np.testing.assert_array_equal(first[key], again[key])


@pytest.mark.parametrize('direction', ['horizontal', 'vertical', 'diagonal'])
def test_points_and_rough_masks_are_mirrored_and_resized(direction):
    before, found = sample(1), RandomFlip(1, direction)(sample(1))
    found = ResizeLongestSide(180)(found)
    x, y = found['points'][..., 0], found['points'][..., 1]
    if direction != 'vertical':
        x = 3 * 59 - x
    if direction != 'horizontal':
        y = 3 * 39 - y
    given = before['points'][..., 2] == 1
    np.testing.assert_allclose(x[given], 3 * before['points'][given, 0])
    np.testing.assert_allclose(y[given], 3 * before['points'][given, 1])
    assert found['rough_masks'].shape == (40, 120, 180)
    for k in range(40):
        # The pixels of the points and of the masks move alike.
        px, py, kind = found['points'][k].round().astype(int).T
        assert found['masks'][k][py[kind == 1], px[kind == 1]].all()
        if found['has_mask'][k] and not found['has_box'][k]:
            assert found['rough_masks'][k][py, px].all()


def test_the_packed_sample_holds_all_of_it():
    packed = PackPromptSample()(ResizeLongestSide(120)(sample(2)))
    prompts = packed['data_samples'].prompts
    assert prompts.points.shape == (40, 6, 3)
    assert prompts.rough_masks.shape == (40, 80, 120)
    assert prompts.has_box.dtype == prompts.has_mask.dtype
    assert len(prompts) == 40


@pytest.mark.parametrize('shares', [
    dict(boxes=1), dict(box=-1, point=2), dict(box=0)])
def test_impossible_shares_are_refused(shares):
    with pytest.raises(InputError, match='shares: expected shares >= 0 of '
                       'box, point, box_and_point, mask, scribble'):
        sample(shares=shares)
