"""Prompts, flips and resizing of made-up slices."""

import numpy as np
import pytest
from segment_anything.utils.transforms import ResizeLongestSide as SAMResize

from mmdbsam.datasets import (
    BoxPromptsFromMask,
    PreparedCase,
    RandomFlip,
    ResizeLongestSide,
)
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes

SEEDS = range(12)


def blobs(seed):
    """A slice of random size with up to five labels of random pixels."""
    rng = np.random.default_rng(seed)
    height, width = rng.integers(20, 60, size=2)
    label = np.zeros((height, width), np.uint8)
    for i in range(1, 6):
        top, left = rng.integers(0, height - 6), rng.integers(0, width - 6)
        size = rng.integers(2, 15, size=2)
        patch = label[top:top + size[0], left:left + size[1]]
        patch[rng.random(patch.shape) < 0.7] = i
    return dict(
        img=rng.integers(0, 256, label.shape).astype(np.uint8),
        label=label[None],
        rng=rng,
        slice_index=0,
        flip=False,
        flip_direction=None,
        case=PreparedCase('made up', None, (1, *label.shape), {}))


def prompted(seed, **options):
    options = dict(dict(min_area=1, prompts_per_image=6), **options)
    return BoxPromptsFromMask(**options)(blobs(seed))


def assert_tight(boxes, masks):
    for (x0, y0, x1, y1), mask in zip(boxes, masks, strict=True):
        rows, columns = np.nonzero(mask)
        assert (x0, y0) == (columns.min(), rows.min())
        assert (x1, y1) == (columns.max(), rows.max())


@pytest.mark.parametrize('seed', SEEDS)
def test_boxes_without_jitter_are_tight(seed):
    found = prompted(seed)
    assert found['boxes'].dtype == np.float32
    assert_tight(found['boxes'], found['masks'])
    np.testing.assert_array_equal(found['boxes'], found['ori_boxes'])
    assert not np.shares_memory(found['boxes'], found['ori_boxes'])
    for i, mask in zip(found['labels'], found['masks'], strict=True):
        np.testing.assert_array_equal(mask, blobs(seed)['label'][0] == i)


@pytest.mark.parametrize('seed', SEEDS)
def test_without_a_number_every_label_is_prompted_once(seed):
    label = blobs(seed)['label']
    for min_area in (1, 30):
        found = prompted(seed, min_area=min_area, prompts_per_image=None)
        assert found['labels'].tolist() == [
            i for i in range(1, 6) if (label == i).sum() >= min_area]
        assert 'masks' not in found and 'label' not in found


def test_labels_are_drawn_without_replacement_while_there_are_enough():
    drawn = set()
    for seed in SEEDS:
        available = set(np.unique(blobs(seed)['label'])) - {0}
        few = prompted(seed, prompts_per_image=2)['labels'].tolist()
        many = prompted(seed, prompts_per_image=12)['labels'].tolist()
        assert len(set(few)) == 2 and len(many) == 12
        assert set(many) == available
        counts = [many.count(i) for i in available]
        assert max(counts) - min(counts) <= 1
        drawn.add(tuple(few))
    assert len(drawn) > 4


def test_repeated_labels_get_jitter_of_their_own():
    found = prompted(0, prompts_per_image=40, jitter=10)
    first = found['boxes'][found['labels'] == found['labels'][0]]
    assert len(np.unique(first, axis=0)) > 3


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('jitter, shift', [(4, 0), (0, 9), (3, 2), (99, 0)])
def test_sides_move_outwards_only_and_stay_inside(seed, jitter, shift):
    found = prompted(seed, jitter=jitter, shift=shift, prompts_per_image=20)
    height, width = found['img'].shape
    tight = tight_boxes(found['masks'].astype(bool))
    limits = np.array([0, 0, width - 1, height - 1])
    moved = (found['boxes'] - tight) * [-1, -1, 1, 1]
    room = abs(limits - tight)
    assert (moved == moved.round()).all()
    assert (moved >= np.minimum(shift, room)).all()
    assert (moved <= np.minimum(shift + jitter, room)).all()


def test_jitter_moves_each_side_uniformly():
    label = np.zeros((100, 100), np.uint8)
    label[40:60, 40:60] = 1
    results = dict(blobs(0), label=label[None], img=label)
    found = BoxPromptsFromMask(1, prompts_per_image=8000, jitter=3)(results)
    moved = (found['boxes'] - [40, 40, 59, 59]) * [-1, -1, 1, 1]
    for side in moved.T:
        counts = np.bincount(side.astype(int), minlength=4)
        assert len(counts) == 4 and (abs(counts - 2000) < 250).all()
    assert (abs(np.corrcoef(moved.T) - np.eye(4)) < 0.06).all()


def test_slice_without_a_large_enough_label_is_refused():
    with pytest.raises(InputError, match="'made up' has no label of at least"):
        prompted(0, min_area=10_000)


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('direction, mirror', [
    ('horizontal', np.fliplr), ('vertical', np.flipud),
    ('diagonal', lambda image: np.rot90(image, 2))])
def test_flip_mirrors_image_masks_and_boxes(seed, direction, mirror):
    flip = RandomFlip(1, direction)
    before, once = prompted(seed), flip(prompted(seed))
    np.testing.assert_array_equal(once['img'], mirror(before['img']))
    assert_tight(once['boxes'], once['masks'])
    assert once['flip'] is True and once['flip_direction'] == direction
    np.testing.assert_array_equal(once['ori_boxes'], before['boxes'])
    twice = flip(once)
    assert twice['flip'] is False and twice['flip_direction'] is None
    for key in ('img', 'masks', 'boxes', 'labels'):
        np.testing.assert_array_equal(twice[key], before[key])


def test_flips_one_after_the_other_are_one():
    both = RandomFlip(1, 'vertical')(RandomFlip(1)(prompted(0)))
    diagonal = RandomFlip(1, 'diagonal')(prompted(0))
    for key in ('img', 'masks', 'boxes', 'flip', 'flip_direction'):
        np.testing.assert_array_equal(both[key], diagonal[key])


def test_flip_with_a_probability():
    flips = [RandomFlip(0.3)(prompted(seed))['flip'] for seed in range(300)]
    assert 0.2 < np.mean(flips) < 0.4
    assert not RandomFlip(0)(prompted(0))['flip']


def test_flip_in_no_direction_is_refused():
    with pytest.raises(InputError, match='horizontal or vertical or diag'):
        RandomFlip(1, 'sideways')


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('size', [16, 60, 128])
def test_resize_agrees_with_sam(seed, size):
    before, found = prompted(seed), ResizeLongestSide(size)(prompted(seed))
    height, width = shape = before['img'].shape
    assert found['img_shape'] == SAMResize.get_preprocess_shape(
        height, width, size)
    assert found['img'].shape == found['img_shape']
    assert found['masks'].shape[1:] == found['img_shape']
    assert found['scale_factor'] == size / max(shape)
    np.testing.assert_allclose(
        found['boxes'], SAMResize(size).apply_boxes(before['boxes'], shape),
        rtol=1e-6)
    np.testing.assert_array_equal(found['ori_boxes'], before['boxes'])


@pytest.mark.parametrize('seed', SEEDS)
@pytest.mark.parametrize('size', [16, 60, 128])
def test_resized_boxes_contain_their_masks(seed, size):
    before, found = prompted(seed), ResizeLongestSide(size)(prompted(seed))
    for box, mask in zip(found['boxes'], found['masks'], strict=True):
        rows, columns = np.nonzero(mask)
        for low, high, pixels, axis in ((box[0], box[2], columns, 1),
                                        (box[1], box[3], rows, 0)):
            ratio = mask.shape[axis] / before['img'].shape[axis]
            # An inclusive pixel index is its pixel's first edge: the mask
            # may reach to the last edge, one original pixel further. A pixel
            # that shrank counts if any of it is covered, another one if its
            # centre is.
            inside = 1 if ratio < 1 else 0.5
            assert (pixels >= low - inside - 1e-3).all()
            assert (pixels < high + ratio - 1 + inside + 1e-3).all()


@pytest.mark.parametrize('seed', SEEDS)
def test_enlarged_masks_are_the_nearest_original_pixels(seed):
    before = prompted(seed)
    longest = max(before['img'].shape)
    found = ResizeLongestSide(3 * longest)(prompted(seed))
    np.testing.assert_array_equal(
        found['masks'], before['masks'].repeat(3, 1).repeat(3, 2))


def test_image_is_averaged_when_shrunk_and_kept_at_its_own_size():
    noise = np.random.default_rng(0).integers(0, 256, (8, 8))
    before = dict(blobs(1), img=noise.astype(np.uint8),
                  boxes=np.zeros((1, 4)))
    shrunk = ResizeLongestSide(2)(dict(before))['img']
    expected = noise.reshape(2, 4, 2, 4).mean((1, 3))
    assert abs(shrunk - expected).max() <= 0.5
    np.testing.assert_array_equal(
        ResizeLongestSide(8)(dict(before))['img'], before['img'])


def test_image_and_masks_stay_aligned():
    label = np.zeros((50, 40), np.uint8)
    label[10:31, 5:22] = 1
    for size in (25, 113):
        found = RandomFlip(1)(BoxPromptsFromMask(1, 1)(
            dict(blobs(0), label=label[None], img=label * 200)))
        found = ResizeLongestSide(size)(found)
        seen = found['img'] > 100
        mask = found['masks'][0] > 0.5
        assert (seen != mask).sum() <= 0.1 * mask.sum()


def test_a_mask_that_shrinks_becomes_the_share_of_each_pixel():
    """Its centre stays, where sampling would move it by half a pixel."""
    mask = np.zeros((1, 64, 64), np.uint8)
    mask[0, 21:38, 10:31] = 1
    results = dict(img=np.zeros((64, 64), np.uint8), masks=mask)
    small = ResizeLongestSide(32)(dict(results))['masks'][0]
    assert small.dtype == np.float32
    assert small.sum() == pytest.approx(mask.sum() / 4)
    for axis in (0, 1):
        where = np.arange(32) @ small.sum(1 - axis) / small.sum()
        was = np.arange(64) @ mask[0].sum(1 - axis) / mask.sum()
        assert 2 * where + 0.5 == pytest.approx(was, abs=0.05)
    large = ResizeLongestSide(128)(dict(results))['masks']
    assert large.dtype == np.uint8
    np.testing.assert_array_equal(large, mask.repeat(2, 1).repeat(2, 2))
