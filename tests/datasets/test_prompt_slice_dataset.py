"""The data set of prompted slices."""

import json
import resource
import shutil

import numpy as np
import pytest
import torch
from mmcv.transforms import BaseTransform
from mmengine.dataset import pseudo_collate
from synthetic import KEEP_ALL, volume
from torch.utils.data import DataLoader

from mmdbsam.datasets import (
    EpochKeyedSampler,
    PreparedData,
    PromptSliceDataset,
    SampleKey,
)
from mmdbsam.datasets.transforms import RandomAffine
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.preparation import SplitPlan, prepare_dataset
from mmdbsam.registry import DATA_SAMPLERS, DATASETS, TRANSFORMS

TRAIN = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', min_area=20, prompts_per_image=4,
         jitter=5),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=96),
    dict(type='PackPromptSample'),
]
TEST = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', min_area=1),
    dict(type='ResizeLongestSide', size=96),
    dict(type='PackPromptSample'),
]


@pytest.fixture
def train_set(prepared_spine):
    return PromptSliceDataset(prepared_spine, 'train', TRAIN, min_area=20)


@pytest.fixture
def test_set(prepared_spine):
    return PromptSliceDataset(prepared_spine, 'test', TEST, min_area=1)


def content(sample):
    """Everything that randomness touches, as plain numbers."""
    data = sample['data_samples']
    return (sample['inputs'].tolist(), data.prompts.boxes.tolist(),
            data.prompts.labels.tolist(), data.gt_instances.masks.tolist(),
            data.flip_direction)


def test_training_sample_keeps_the_contract(train_set):
    for index in range(len(train_set)):
        sample = train_set[index]
        inputs, data = sample['inputs'], sample['data_samples']
        assert inputs.dtype == torch.uint8 and inputs.shape == (3, 96, 96)
        assert torch.equal(inputs[0], inputs[1])
        assert torch.equal(inputs[0], inputs[2])
        assert data.prompts.boxes.dtype == torch.float32
        assert data.prompts.boxes.shape == (4, 4)
        assert data.prompts.ori_boxes.shape == (4, 4)
        assert data.prompts.labels.dtype == torch.int64
        assert set(data.prompts.labels.tolist()) <= {21, 22, 23}
        assert data.gt_instances.masks.dtype == torch.uint8
        assert data.gt_instances.masks.shape == (4, 96, 96)
        assert set(data.gt_instances.masks.unique().tolist()) <= {0, 1}
        assert data.ori_shape == (73, 73) and data.img_shape == (96, 96)
        assert data.scale_factor == pytest.approx(96 / 73)
        assert set(data.metainfo) == {
            'task', 'case', 'block', 'slice_index', 'ori_shape', 'img_shape',
            'scale_factor', 'flip', 'flip_direction', 'prompt'}


def test_test_sample_has_every_label_and_its_tight_box(
        prepared_spine, test_set):
    case = PreparedData(prepared_spine).case('lumbar')
    assert len(test_set) == 8
    for index in range(8):
        data = test_set[index]['data_samples']
        assert data.case == 'lumbar' and 'gt_instances' not in data
        start, stop = data.block
        assert [start, stop] in case.splits['test']
        assert start <= data.slice_index < stop
        label = case.label()[0, data.slice_index]
        ids = [i for i in (21, 22, 23) if (label == i).any()]
        assert data.prompts.labels.tolist() == ids
        boxes = tight_boxes(np.stack([label == i for i in ids]))
        np.testing.assert_array_equal(data.prompts.ori_boxes, boxes)
        np.testing.assert_allclose(
            data.prompts.boxes, boxes * data.scale_factor, rtol=1e-6)


def test_only_slices_with_a_large_enough_label_enter(prepared_spine):
    case = PreparedData(prepared_spine).case('lumbar')
    areas = case.areas().max(axis=1)
    for min_area in (1, 100, 700):
        found = PromptSliceDataset(prepared_spine, 'train', TRAIN, min_area)
        expected = [i for start, stop in case.splits['train']
                    for i in range(start, stop) if areas[i] >= min_area]
        assert [index for *_, index in found.slices] == expected


def test_metainfo_names_the_data_and_the_labels(train_set):
    assert train_set.metainfo == dict(
        tasks={'spine': {21: 'vertebra_L2', 22: 'vertebra_L3',
                         23: 'vertebra_L4'}})


def test_randomness_is_a_function_of_seed_epoch_and_index(prepared_spine):
    def sample(seed, epoch, index):
        np.random.seed(np.random.randint(1000))  # of no influence
        return content(PromptSliceDataset(
            prepared_spine, 'train', TRAIN, 20)[SampleKey(seed, epoch,
                                                          index)])

    first = sample(0, 0, 3)
    assert sample(0, 0, 3) == first
    assert content(PromptSliceDataset(
        prepared_spine, 'train', TRAIN, 20)[3]) == first
    assert sample(0, 1, 3) != first
    assert sample(1, 0, 3) != first


@pytest.mark.parametrize('persistent', [False, True])
def test_workers_give_the_samples_of_the_main_process(train_set, persistent):
    def epochs(workers):
        sampler = EpochKeyedSampler(train_set, seed=5)
        loader = DataLoader(
            train_set, 3, sampler=sampler, num_workers=workers,
            collate_fn=pseudo_collate,
            persistent_workers=persistent and workers > 0)
        found = []
        for epoch in range(2):
            sampler.set_epoch(epoch)
            found.append([
                content(dict(inputs=i, data_samples=d)) for batch in loader
                for i, d in zip(batch['inputs'], batch['data_samples'],
                                strict=True)])
        return found

    alone = epochs(0)
    assert epochs(2) == alone
    assert sorted(map(str, alone[0])) != sorted(map(str, alone[1]))


def test_sampler_orders_as_the_default_one_and_adds_the_epoch(train_set):
    build = dict(dataset=train_set, seed=3)
    ours = DATA_SAMPLERS.build(dict(type='EpochKeyedSampler', **build))
    default = DATA_SAMPLERS.build(dict(type='DefaultSampler', **build))
    for epoch in (0, 4):
        ours.set_epoch(epoch)
        default.set_epoch(epoch)
        assert list(ours) == [(3, epoch, index, 0) for index in default]
    assert len(ours) == len(default)


def test_ranks_share_an_epoch(train_set, monkeypatch):
    shares = []
    for rank in range(2):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info',
                            lambda rank=rank: (rank, 2))
        shares.append(list(EpochKeyedSampler(train_set, seed=3)))
    monkeypatch.undo()
    alone = list(EpochKeyedSampler(train_set, seed=3))
    assert shares[0] == alone[0::2]
    assert shares[1][:len(alone) // 2] == alone[1::2]


def test_a_slice_is_read_without_its_volume(prepared_spine, tmp_path):
    root = tmp_path / 'data'
    shutil.copytree(prepared_spine, root)
    # Sparse files: two gigabytes to read, next to none on the disk.
    shape, folder = (2000, 1024, 1024), root / 'lumbar'
    label, areas = (np.load(folder / f'{name}.npy')
                    for name in ('label', 'areas'))
    for name, dtype, side in (('image', np.uint8, shape),
                              ('label', label.dtype, (1, *shape))):
        big = np.lib.format.open_memmap(folder / f'{name}.npy', 'w+', dtype,
                                        side)
        if name == 'label':
            big[:, :47, :73, :73] = label
        big.flush()
    np.save(folder / 'areas.npy', np.pad(areas, ((0, 2000 - 47), (0, 0))))
    content = json.loads((root / 'dataset.json').read_text())
    content['cases'][0]['shape'] = shape
    (root / 'dataset.json').write_text(json.dumps(content))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    loaded = PromptSliceDataset(root, 'train', TEST[:1])[0]
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert loaded['img'].shape == (1024, 1024)
    assert not isinstance(loaded['img'], np.memmap)
    assert after - before < 100_000  # kB


def test_built_from_a_config(prepared_spine):
    found = DATASETS.build(dict(
        type='PromptSliceDataset', data_root=str(prepared_spine),
        split='val', pipeline=TEST))
    assert len(found) == 4


def test_missing_data_root(tmp_path):
    with pytest.raises(InputError, match='mmdbsam prepare'):
        PromptSliceDataset(tmp_path / 'nowhere', 'train', TRAIN)


@pytest.mark.parametrize('split, min_area, complaint', [
    ('holdout', 1, "split 'holdout' has no slice with a label of at least 1"),
    ('val', 9999, "split 'val' has no slice with a label of at least 9999 px"),
])
def test_split_without_slices(prepared_spine, split, min_area, complaint):
    with pytest.raises(InputError) as error:
        PromptSliceDataset(prepared_spine, split, TEST, min_area)
    message = str(error.value)
    assert complaint in message and str(prepared_spine) in message
    assert message.endswith(
        'it holds train: 29 slices, test: 8 slices, val: 4 slices')
    assert '\n' not in message


def test_unknown_transform_names_the_known(prepared_spine):
    with pytest.raises(InputError, match='Rotate.*RandomFlip'):
        PromptSliceDataset(prepared_spine, 'val', [dict(type='Rotate')])


def moved(**affine):
    """The training pipeline with an augmentation that moves labels."""
    return [TRAIN[0], dict(type='RandomAffine', prob=1., **affine),
            *TRAIN[1:]]


@pytest.fixture
def corner(tmp_path, write_case):
    """A data set whose labels of 11 x 11 pixels lie in a corner."""
    image = np.random.default_rng(0).integers(0, 99, (6, 96, 96)).astype('i2')
    label = np.zeros(image.shape, np.uint8)
    label[:, :11, :11] = 1
    write_case(tmp_path / 'in', 'c.nii.gz', volume(image), volume(label))
    prepare_dataset(tmp_path / 'in', tmp_path / 'out', options=KEEP_ALL,
                    plan=SplitPlan('case', (1, 0, 0)))
    return tmp_path / 'out'


def test_labels_that_augmentation_moves_out(corner):
    """The slice is drawn again, so that training goes on."""
    data = PromptSliceDataset(corner, 'train', moved(
        scale=(1.3, 1.3), angle=20., shift=0.1), min_area=60)
    lost = 0
    for epoch in range(20):
        for index in range(len(data)):
            key = SampleKey(seed=0, epoch=epoch, index=index)
            sample = data[key]
            assert sample['data_samples'].gt_instances.masks.any()
            first = RandomAffine(1., scale=(1.3, 1.3), angle=20., shift=0.1)(
                dict(img=np.zeros((96, 96), np.uint8),
                     label=data.slices[index][1].label()[:, index],
                     rng=np.random.default_rng(list(key))))
            lost += np.count_nonzero(first['label']) < 20
            assert content(data[key]) == content(sample)
    assert lost > 3


def test_a_slice_whose_labels_are_always_lost(corner):
    """Another one is taken, and without any there is a line."""
    pipeline = [TRAIN[0], dict(type='LoseLabels'), *TRAIN[1:]]
    TRANSFORMS.register_module(name='LoseLabels', module=LoseLabels,
                               force=True)
    data = PromptSliceDataset(corner, 'train', pipeline, min_area=60)
    LoseLabels.kept = 4
    assert data[0]['data_samples'].slice_index == 4
    LoseLabels.kept = None
    with pytest.raises(InputError, match='has no label of at least'):
        data[0]


class LoseLabels(BaseTransform):
    """Removes the labels of all slices but one."""

    kept = None

    def transform(self, results):
        if results['slice_index'] != self.kept:
            results['label'] = np.zeros_like(results['label'])
        return results


def test_min_area_that_no_slice_can_have(corner):
    """This is a fault of the config, and no draw would mend it."""
    pipeline = [TRAIN[0], dict(TRAIN[1], min_area=200), *TRAIN[2:]]
    data = PromptSliceDataset(corner, 'train', pipeline, min_area=60)
    with pytest.raises(InputError, match='give the data set no lower'):
        data[0]
