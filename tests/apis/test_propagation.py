"""Objects followed from a slice both ways, until they end."""

import numpy as np
import pytest
import torch
from letter_volumes import BRIGHT

from mmdbsam.apis import PropagationRule, SeedBox, SeedPoint
from mmdbsam.apis.volume.propagation import Limit, components
from mmdbsam.errors import InputError


def slanted_cone(first=4, last=25):
    """A square that moves and grows from slice to slice, bool (30, 32, 32)."""
    mask = np.zeros((30, 32, 32), bool)
    for z in range(first, last + 1):
        size = 3 + z // 4
        mask[z, 4 + z // 2:4 + z // 2 + size, 3 + z // 3:3 + z // 3 + size] = 1
    return mask


def pixels(mask):
    return np.where(mask, BRIGHT, 0).astype(np.uint8)


CONE = slanted_cone()


@pytest.mark.parametrize('seed', [4, 14, 25])
@pytest.mark.parametrize('batch_size', [1, 4])
def test_a_box_is_followed_to_both_ends(bright, seed, batch_size):
    rows, columns = np.nonzero(CONE[seed])
    box = [columns.min(), rows.min(), columns.max(), rows.max()]
    result = bright.segment_volume(
        pixels(CONE), SeedBox(seed, box), batch_size=batch_size,
        propagation=PropagationRule(min_area=4))
    assert np.array_equal(result.labels > 0, CONE)
    # Each slice is encoded at most once, and one beyond either end.
    ahead = batch_size - 1
    assert len(bright.fake.encoded) <= 22 + 2 * (1 + ahead)


def test_points_begin_what_boxes_follow(bright):
    """The stand-in for a model gives a point all bright pixels."""
    result = bright.segment_volume(pixels(CONE), SeedPoint(14, [8, 12]),
                                   propagation=PropagationRule(min_area=4))
    assert np.array_equal(result.labels > 0, CONE)


def test_objects_are_followed_at_once(bright):
    """Both objects have seeds of their own, and each slice is encoded once."""
    both = CONE.copy()
    both[2:12, 20:30, 20:30] = True
    rows, columns = np.nonzero(CONE[20])
    seeds = [SeedBox(20, [columns.min(), rows.min(), columns.max(),
                          rows.max()]), SeedBox(5, [20, 20, 29, 29])]
    result = bright.segment_volume(
        pixels(both), seeds, propagation=PropagationRule(min_area=4),
        batch_size=1)
    assert np.array_equal(result.mask(0), CONE)
    assert np.array_equal(result.mask(1), both & ~CONE)
    assert len(bright.fake.encoded) <= 27


def followed(bright, mask, rule, seed=10):
    rows, columns = np.nonzero(mask[seed])
    box = [columns.min(), rows.min(), columns.max(), rows.max()]
    result = bright.segment_volume(pixels(mask), SeedBox(seed, box),
                                   propagation=rule)
    shown = np.flatnonzero(result.labels.any(axis=(1, 2)))
    return (int(shown[0]), int(shown[-1])) if shown.size else None


def test_it_ends_where_the_mask_is_small(bright):
    areas = CONE.sum(axis=(1, 2))
    assert areas[8] == 25 and areas[7] == 16
    assert followed(bright, CONE, PropagationRule(min_area=20)) == (8, 25)


def test_it_ends_where_the_mask_drifts(bright):
    mask = np.zeros((30, 32, 32), bool)
    mask[5:20, 5:15, 5:15] = True
    mask[20:, 5:15, 14:24] = True  # a tenth of it overlaps
    mask[:5, 5:15, 11:21] = True  # four tenths do
    loose = PropagationRule(margin=1, min_overlap=0.)
    assert followed(bright, mask, loose) == (0, 29)
    strict = PropagationRule(margin=1, min_overlap=0.3)
    assert followed(bright, mask, strict) == (0, 19)


@pytest.mark.parametrize('change, found', [(60., (4, 19)), (80., (4, 25))])
def test_it_ends_where_grey_values_change(bright, change, found):
    volume = pixels(CONE)
    volume[20:] = np.where(CONE[20:], BRIGHT - 70, 0)
    rows, columns = np.nonzero(CONE[10])
    box = [columns.min(), rows.min(), columns.max(), rows.max()]
    rule = PropagationRule(min_area=4, max_grey_change=change)
    result = bright.segment_volume(volume, SeedBox(10, box), propagation=rule)
    shown = np.flatnonzero(result.labels.any(axis=(1, 2)))
    assert (shown[0], shown[-1]) == found


def boxes_after(rule, mask, limit=None):
    return rule.next_boxes(components(mask), limit).tolist()


def test_the_next_box_grows_with_the_mask():
    mask = np.zeros((200, 300), bool)
    mask[50:151, 100:201] = True
    rule = PropagationRule(margin=0.05)
    assert boxes_after(rule, mask) == [[95, 45, 205, 155]]
    small = np.zeros((200, 300), bool)
    small[1:9, 290:298] = True
    small[100:103, 5:7] = True  # a speck
    assert boxes_after(rule, small) == [[288, 0, 299, 10]]
    small[100:107, 5:6] = True  # more than a tenth, and so a part
    assert boxes_after(rule, small) == [[288, 0, 299, 10], [3, 98, 8, 108]]
    limit = Limit(0, 9, np.array([100., 60, 290, 200]))
    assert boxes_after(rule, mask, limit) == [[100, 60, 205, 155]]


def test_nothing_is_left_outside_of_a_limit():
    limit = Limit(2, 5, np.array([3., 4, 8, 6]))
    logits = np.full((2, 12, 10), 5, np.float32)
    clipped = limit.clip(logits)
    wanted = np.zeros((12, 10), bool)
    wanted[4:7, 3:9] = True
    assert ((clipped > 0) == wanted).all() and (clipped[~(
        clipped > 0)] < -15).all()
    assert [limit.holds(z) for z in range(1, 7)] == [
        False, True, True, True, True, False]


def test_it_ends_where_the_model_is_unsure(bright):
    assert followed(bright, CONE, PropagationRule(min_area=4, min_iou=0.74)
                    ) == (4, 25)
    assert followed(bright, CONE, PropagationRule(min_area=4, min_iou=0.76)
                    ) == (10, 10)


class FillsItsBox:
    """A model that fills its box, and knows how well that fits the object."""

    def __init__(self, threshold):
        self.threshold = threshold

    def encode_image(self, images):
        return images

    def decode_prompts(self, embedding, boxes, **others):
        bright = embedding[0, 0] > self.threshold
        at = torch.arange(bright.shape[0]) // 4
        rows, columns = torch.meshgrid(at, at, indexing='ij')
        x0, y0, x1, y1 = (boxes // 4)[:, :, None, None].unbind(1)
        mask = ((columns >= x0) & (columns <= x1) & (rows >= y0)
                & (rows <= y1))
        ious = (mask & bright).sum((1, 2)) / (mask | bright).sum((1, 2))
        return torch.where(mask, 10., -10.)[:, None], ious[:, None]


def test_the_box_that_fits_better_is_taken(bright, monkeypatch):
    """A model that fills loose boxes does not drift from a steady object."""
    model, fake = bright.model.model, FillsItsBox(bright.fake.threshold)
    for name in ('encode_image', 'decode_prompts'):
        monkeypatch.setattr(model, name, getattr(fake, name))
    mask = np.zeros((9, 32, 32), bool)
    mask[:, 8:24, 8:24] = True
    # A box that is moved by 2 px fits it better than one moved by 5 px.
    found = bright.segment_volume(
        pixels(mask), SeedBox(0, [8, 8, 23, 23]),
        propagation=PropagationRule(margin=0.3)).labels > 0
    assert found[1].sum() == 20 * 20
    growing = np.zeros((2, 32, 32), bool)
    growing[0, 8:24, 8:24] = growing[1, 4:28, 4:28] = True
    found = bright.segment_volume(
        pixels(growing), SeedBox(0, [8, 8, 23, 23]),
        propagation=PropagationRule(margin=0.3)).labels > 0
    assert found[1].sum() > 24 * 24


def test_an_empty_seed_finds_nothing(bright):
    result = bright.segment_volume(pixels(CONE), SeedBox(14, [0, 0, 3, 3]))
    assert not result.labels.any() and result.confidence.tolist() == [0]


@pytest.mark.parametrize('options, message', [
    (dict(min_area=0), 'min_area in 1..inf, found 0'),
    (dict(margin=-1), 'margin in 0..inf'),
    (dict(max_grey_change=256), 'max_grey_change in 0..255, found 256'),
    (dict(min_iou=1.5), 'min_iou in 0..1, found 1.5'),
    (dict(min_overlap=float('nan')), 'min_overlap in 0..1, found nan'),
])
def test_bad_rules_are_one_line(options, message):
    with pytest.raises(InputError, match=message):
        PropagationRule(**options)
