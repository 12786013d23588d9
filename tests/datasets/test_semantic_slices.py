"""Slices with a class in each pixel."""

import numpy as np
import pytest
import torch
from made_sets import write_set

from mmdbsam.datasets import (
    ClassMapFromLabels,
    LoadSlice,
    RandomCropToClass,
    RandomFlip,
    ResizeLongestSide,
    SampleKey,
    SemanticSliceDataset,
)
from mmdbsam.errors import InputError
from mmdbsam.models import MinMaxDataPreProcessor

NAMES = {2: 'liver', 5: 'tumour', 7: 'rare'}
LOAD = [dict(type='LoadSlice'), dict(type='ClassMapFromLabels')]


@pytest.fixture
def layers():
    """Ten slices: liver in all but the last, a tumour within it, once rare."""
    label = np.zeros((2, 10, 8, 12), np.uint8)
    label[0, :9, 2:6, 1:7] = 2
    label[1, 2:6, 3:5, 2:4] = 5
    label[0, 4, 0, 0] = 7
    return label


@pytest.fixture
def root(tmp_path, layers):
    return write_set(tmp_path / 'organs', layers, NAMES)


def test_all_slices_are_delivered_with_classes_by_name(root):
    dataset = SemanticSliceDataset(root, 'train', LOAD)
    assert len(dataset) == 10
    assert dataset.metainfo['classes'] == ('background', 'liver', 'tumour',
                                           'rare')
    classes = dataset[4]['gt_seg_map']
    assert classes.dtype == np.uint8
    assert classes[0, 0] == 3 and classes[3, 2] == 2 and classes[2, 1] == 1
    assert (classes > 0).sum() == 25
    assert not dataset[9]['gt_seg_map'].any()


@pytest.mark.parametrize('classes, inside', [
    (['liver', 'tumour'], 2), (['tumour', 'liver'], 2), (['liver'], 1)])
def test_the_class_that_comes_last_has_overlaps(root, classes, inside):
    dataset = SemanticSliceDataset(root, 'train', LOAD, classes)
    found = dataset[4]['gt_seg_map']
    assert found[3, 2] == inside
    # A label that is no class is background.
    assert found[0, 0] == 0


def test_a_share_of_samples_is_drawn_for_each_class_alike(root):
    dataset = SemanticSliceDataset(root, 'train', LOAD, foreground=0.25)
    drawn = [dataset[SampleKey(0, 0, 9, draw)] for draw in range(4000)]
    wanted = np.bincount([sample['wanted'] for sample in drawn]) / 4000
    np.testing.assert_allclose(wanted, [0.75, *[0.25 / 3] * 3], atol=0.02)
    for sample in drawn:
        assert sample['wanted'] in sample['gt_seg_map']
        assert sample['wanted'] or sample['slice_index'] == 9
    again = dataset[SampleKey(0, 0, 9, 17)]
    assert again['slice_index'] == drawn[17]['slice_index']
    plain = SemanticSliceDataset(root, 'train', LOAD)
    assert [plain[i]['slice_index'] for i in range(10)] == list(range(10))


def test_neighbours_are_channels_and_stay_in_the_block(tmp_path, layers):
    root = write_set(tmp_path / 'blocks', layers, NAMES,
                     splits=dict(train=[[0, 4], [6, 10]], val=[[4, 6]]))
    step = LoadSlice(neighbours=True)

    def channels(split, index):
        dataset = SemanticSliceDataset(root, split, [])
        return step(dataset[index])['img'][0, 0].tolist()

    assert channels('train', 1) == [0, 10, 20]
    assert channels('train', 0) == [0, 0, 10]
    assert channels('train', 3) == [20, 30, 30]
    assert channels('train', 4) == [60, 60, 70]
    assert channels('val', 0) == [40, 40, 50]


def test_rgb_has_no_room_for_neighbours(tmp_path, layers):
    root = write_set(tmp_path / 'rgb', layers, NAMES,
                     image=np.zeros((10, 8, 12, 3), np.uint8))
    dataset = SemanticSliceDataset(
        root, 'train', [dict(type='LoadSlice', neighbours=True)])
    with pytest.raises(InputError, match='expected one grey value a pixel'):
        dataset[0]


def test_crops_show_the_wanted_class_at_any_place(root):
    dataset = SemanticSliceDataset(root, 'train', LOAD)
    places = set()
    for seed in range(200):
        results = dict(dataset[4], wanted=3, rng=np.random.default_rng(seed))
        crop = RandomCropToClass(4)(results)
        assert crop['img'].shape == crop['gt_seg_map'].shape == (4, 4)
        assert crop['img_shape'] == (4, 4)
        assert (crop['gt_seg_map'] == 3).sum() == 1
        results = dict(dataset[4], wanted=2, rng=np.random.default_rng(seed))
        found = RandomCropToClass(4)(results)['gt_seg_map'] == 2
        assert found.any()
        places.add(tuple(np.argwhere(found)[0].tolist()))
    assert len(places) > 5
    whole = RandomCropToClass(20)(dict(dataset[4], wanted=1))
    assert whole['gt_seg_map'].shape == (8, 12)


def test_flips_and_resizing_move_image_and_classes_together(root):
    results = SemanticSliceDataset(root, 'train', LOAD)[4]
    results['img'] = 50 * results['gt_seg_map']
    flipped = RandomFlip(1.)(dict(results))
    assert np.array_equal(flipped['gt_seg_map'],
                          results['gt_seg_map'][:, ::-1])
    assert np.array_equal(flipped['img'], 50 * flipped['gt_seg_map'])
    assert flipped['flip_direction'] == 'horizontal'
    double = ResizeLongestSide(24)(dict(results))
    assert np.array_equal(double['gt_seg_map'], results['gt_seg_map'].repeat(
        2, axis=0).repeat(2, axis=1))


def test_background_slices_are_augmented_too(root):
    dataset = SemanticSliceDataset(root, 'train', [
        dict(type='LoadSlice'),
        dict(type='RandomAffine', prob=1., scale=(0.5, 0.5))])
    results = dataset[9]
    assert not results['label'].any()
    # The slice is 90 all over; what comes in from outside is 0.
    assert (results['img'] == 0).any()


def test_padding_is_ignored_by_losses_and_told_to_mmseg(root):
    dataset = SemanticSliceDataset(
        root, 'train', [*LOAD, dict(type='ResizeLongestSide', size=12),
                        dict(type='PackSemanticSample')])
    sample = dataset[4]
    assert sample['inputs'].shape == (3, 8, 12)
    assert sample['data_samples'].case == 'case'
    batch = MinMaxDataPreProcessor(16, any_size=True)(dict(
        inputs=[sample['inputs']], data_samples=[sample['data_samples']]))
    assert batch['inputs'].shape == (1, 3, 16, 16)
    packed, = batch['data_samples']
    classes = packed.gt_sem_seg.data
    assert classes.shape == (1, 16, 16) and classes.dtype == torch.int64
    assert (classes[:, 8:] == 255).all() and (classes[..., 12:] == 255).all()
    assert classes[0, 0, 0] == 3
    assert packed.img_padding_size == (0, 4, 0, 8)
    assert packed.pad_shape == (16, 16)


def test_classes_are_kept_where_a_layer_has_the_highest_id():
    label = np.full((1, 2, 2), 255, np.uint8)
    results = ClassMapFromLabels()(dict(label=label, class_ids=[1]))
    assert not results['gt_seg_map'].any()


@pytest.mark.parametrize('options, message', [
    (dict(classes=['liver', 'spleen']), 'found none called spleen; it has '
     'liver, tumour, rare'),
    (dict(classes=['liver', 'liver']), 'expected each name once'),
    (dict(modality='MR'), "case 'case': expected MR, .* found CT"),
    (dict(split='val'), "in split 'val', slices that show .* 0 slices"),
])
def test_a_set_that_does_not_fit_is_refused_in_one_line(root, options,
                                                        message):
    with pytest.raises(InputError, match=message) as error:
        SemanticSliceDataset(**{**dict(data_root=root, split='train',
                                       pipeline=LOAD), **options})
    assert '\n' not in str(error.value)


def test_a_set_without_foreground_is_refused(tmp_path):
    root = write_set(tmp_path / 'empty', np.zeros((1, 3, 4, 4)), NAMES)
    with pytest.raises(InputError, match='show liver, tumour, rare, found '
                       'none in 3 slices'):
        SemanticSliceDataset(root, 'train', LOAD)


def test_several_sets_are_refused(tmp_path, layers):
    for name in ('one', 'two'):
        write_set(tmp_path / name, layers, NAMES)
    with pytest.raises(InputError, match='expected one data set, .* one, two'):
        SemanticSliceDataset(tmp_path, 'train', LOAD)
