"""The prompts of tests: draws, 3-D boxes, and references for clicks."""

import shutil

import numpy as np
import pytest

from mmdbsam.datasets import (
    BoxPromptsFromMask,
    ClickPromptsFromMask,
    PreparedCase,
    PromptSliceDataset,
    ResizeLongestSide,
    VolumeBoxPromptsFromMask,
)
from mmdbsam.datasets.transforms.volume_prompts import volume_boxes
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes

BLOCK = (2, 9)


@pytest.fixture
def case(tmp_path):
    """Two layers of wandering labels: 1 has a gap, 2 is in both layers."""
    rng = np.random.default_rng(0)
    label = np.zeros((2, 11, 24, 30), np.uint8)
    for z in range(11):
        y, x = rng.integers(0, 14, size=2)
        if z not in (4, 5):
            label[0, z, y:y + 5, x:x + 7] = 1
        label[z % 2, z, 20:22, x:x + 3] = 2
        label[1, z, y + 2:y + 4, x + 2:x + 4] = 300 % 256
    np.save(tmp_path / 'label.npy', label)
    return PreparedCase('made up', tmp_path, label.shape[1:], {})


def slice_of(case, z):
    label = np.array(case.label()[:, z])
    return dict(case=case, block=BLOCK, slice_index=z, label=label,
                img=label[0], rng=np.random.default_rng(z))


def test_draws_jitter_each_label_anew(case):
    found = BoxPromptsFromMask(1, jitter=9, draws=4)(slice_of(case, 3))
    once = BoxPromptsFromMask(1)(slice_of(case, 3))
    ids = once['labels'].tolist()
    assert found['labels'].tolist() == ids * 4
    assert found['draws'].tolist() == np.repeat(range(4), len(ids)).tolist()
    boxes = found['boxes'].reshape(4, len(ids), 4)
    assert len(np.unique(boxes, axis=0)) == 4
    outside = (boxes - once['boxes']) * [-1, -1, 1, 1]
    assert (outside >= 0).all() and (outside <= 9).all()
    assert found['prompt'].endswith('0 to 9 px outwards at random, 4 draws')
    assert once['prompt'] == 'one box a label and slice, tight'
    with pytest.raises(InputError, match='draws or prompts_per_image'):
        BoxPromptsFromMask(1, prompts_per_image=3, draws=2)


def test_moves_may_be_meant_on_another_grid(case):
    """The release moves boxes on images of 256 px, here of 60."""
    tight, moved, drawn = (
        BoxPromptsFromMask(1, **kwargs)(slice_of(case, 3))
        for kwargs in ({}, dict(shift=2, grid=60), dict(jitter=3, grid=60)))
    wanted = tight['boxes'] + np.array([-1, -1, 1, 1]) * 2 * 30 / 60
    inside = wanted.clip([0, 0, 0, 0], [29, 23, 29, 23])
    np.testing.assert_array_equal(moved['boxes'], inside)
    np.testing.assert_array_equal(moved['ori_boxes'], inside)
    assert moved['prompt'].endswith('its sides 2 px of 60 outwards')
    steps = np.abs(drawn['boxes'] - tight['boxes'])
    assert set(np.unique(steps)) <= {0, 0.5, 1, 1.5} and steps.max() > 0
    assert drawn['prompt'].endswith('0 to 3 px of 60 outwards at random, '
                                    '1 draws')


def test_a_3d_box_holds_the_label_in_its_block_and_no_less(case):
    boxes = volume_boxes(case.label()[:, slice(*BLOCK)])
    assert list(boxes) == [1, 2, 44]
    for label_id, box in boxes.items():
        where = np.argwhere(case.mask(label_id, *BLOCK))
        np.testing.assert_array_equal(box[:3], where.min(axis=0))
        np.testing.assert_array_equal(box[3:], where.max(axis=0))


def test_all_slices_of_a_structure_get_its_one_box(case):
    transform = VolumeBoxPromptsFromMask()
    seen = {}
    for z in range(*BLOCK):
        found = transform(slice_of(case, z))
        assert 'label' not in found
        for label_id, box in zip(found['labels'].tolist(), found['boxes'],
                                 strict=True):
            seen.setdefault(label_id, []).append(box.tolist())
    for label_id, given in seen.items():
        assert len(given) == 7  # in the gap of label 1 too
        assert len(set(map(tuple, given))) == 1
        rows, columns = np.nonzero(case.mask(label_id, *BLOCK).any(axis=0))
        assert given[0] == [columns.min(), rows.min(), columns.max(),
                            rows.max()]


def test_clicks_get_the_labels_masks(case):
    found = ResizeLongestSide(60)(
        ClickPromptsFromMask(clicks=3)(slice_of(case, 4)))
    assert found['labels'].tolist() == [2, 44] and found['clicks'] == 3
    for label_id, mask in zip(found['labels'], found['references'],
                              strict=True):
        np.testing.assert_array_equal(mask, case.mask(label_id, 4, 5)[0])
    assert 'boxes' not in found and found['img'].shape == (48, 60)
    assert found['turns'] == []
    with pytest.raises(InputError, match='no label of at least min_area=999'):
        ClickPromptsFromMask(min_area=999)(slice_of(case, 4))


def test_a_session_has_a_turn_for_the_box_and_for_each_click(case):
    plain = ClickPromptsFromMask(clicks=2, is_session=True)(slice_of(case, 4))
    assert plain['turns'] == [1, 2] and 'boxes' not in plain
    found = ResizeLongestSide(60)(ClickPromptsFromMask(
        clicks=2, has_box=True, is_session=True)(slice_of(case, 4)))
    assert found['turns'] == [0, 1, 2]
    np.testing.assert_array_equal(found['ori_boxes'],
                                  tight_boxes(found['references']))
    np.testing.assert_allclose(found['boxes'], 2 * found['ori_boxes'])
    assert found['prompt'].startswith('a tight box and 2 clicks a label')


def test_the_data_set_fills_the_gaps(prepared_spine, tmp_path):
    """Every third slice is emptied to make gaps."""
    shutil.copytree(prepared_spine, tmp_path / 'spine')
    (tmp_path / 'spine/index.safetensors').unlink()
    for path in tmp_path.glob('spine/*/areas.npy'):
        areas = np.load(path)
        areas[::3] = 0
        np.save(path, areas)
    plain, filled = (
        [(case.name, block, z) for _, case, block, z in PromptSliceDataset(
            tmp_path / 'spine', 'test', [], min_area=1, gaps=gaps).slices]
        for gaps in (False, True))
    assert set(plain) < set(filled)
    for case, block, z in set(filled) - set(plain):
        assert z % 3 == 0
        own = [i for name, other, i in plain if (name, other) == (case, block)]
        assert min(own) < z < max(own)
