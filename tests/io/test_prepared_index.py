"""The index of a prepared data set."""

import json
import os
import pickle
import shutil

import numpy as np
import pytest

from mmdbsam.datasets import EpochKeyedSampler, PromptSliceDataset
from mmdbsam.errors import InputError
from mmdbsam.io import prepared_index
from mmdbsam.io.prepared import PreparedData
from mmdbsam.io.prepared_index import load_index

SPLITS = [dict(train=[[0, 9], [12, 20]], val=[[9, 11]]),
          dict(train=[[3, 5]], test=[[7, 9]]), dict(val=[[0, 6]])]
LABELS = {'2': 'kidney', '3': 'liver', '9': 'rare'}


@pytest.fixture
def root(tmp_path):
    """Three cases of 20, 9 and 6 slices, with areas and no images."""
    rng = np.random.default_rng(0)
    folder = tmp_path / 'set'
    cases = []
    for name, depth, own, splits in zip(
            ('a', 'ä', 'c'), (20, 9, 6), ([2, 3], [3], [2, 9]), SPLITS,
            strict=True):
        (folder / name).mkdir(parents=True)
        np.save(folder / name / 'areas.npy', rng.integers(
            0, 40, (depth, len(own)), dtype=np.int32))
        cases.append(dict(
            name=name, checksum=f'of {name}', shape=[depth, 8, 8],
            geometry=dict(spacing=[1, 2, 3]), labels=own, dropped={},
            group='patient' if name == 'c' else None, source={},
            splits=splits))
    (folder / 'dataset.json').write_text(json.dumps(dict(
        format=2, name='set', labels=LABELS, cases=cases)), encoding='utf-8')
    return folder


def edit(root, **changes):
    path = root / 'dataset.json'
    path.write_text(json.dumps(dict(json.loads(path.read_text()), **changes)))


def test_it_holds_what_the_files_do(root):
    data = PreparedData(root)
    assert (root / 'index.safetensors').is_file()
    assert data.labels == {2: 'kidney', 3: 'liver', 9: 'rare'}
    assert [case.name for case in data.cases] == ['a', 'ä', 'c']
    assert data.cases[-1].name == 'c' and len(data.cases[1:]) == 2
    for case, splits in zip(data.cases, SPLITS, strict=True):
        own = np.load(case.folder / 'areas.npy')
        columns = [list(data.labels).index(i) for i in case.own_labels]
        np.testing.assert_array_equal(case.areas()[:, columns], own)
        assert case.areas().sum() == own.sum()
        assert case.splits == splits
        assert case.spacing == (3, 2, 1)
    assert data.case('ä').folder == root / 'ä'
    assert [case.patient for case in data.cases] == ['a', 'ä', 'patient']
    assert [(case.name, start, stop) for case, start, stop
            in data.blocks('train')] == [('a', 0, 9), ('a', 12, 20),
                                         ('ä', 3, 5)]
    assert [(case.name, start, stop) for case, start, stop
            in data.blocks(['val', 'test'])] == [
                ('a', 9, 11), ('ä', 7, 9), ('c', 0, 6)]
    assert data.split_sizes() == dict(train=19, val=8, test=2)


@pytest.mark.parametrize('split', ['train', 'val', ['train', 'val']])
@pytest.mark.parametrize('gaps', [False, True])
@pytest.mark.parametrize('min_area', [0, 25, 35])
def test_the_slices_are_those_of_the_areas(root, split, gaps, min_area):
    expected = []
    for case, start, stop in PreparedData(root).blocks(split):
        large = case.areas()[start:stop] >= min_area
        for z in range(stop - start):
            here = large[z]
            if gaps:
                here = large[:z + 1].any(axis=0) & large[z:].any(axis=0)
            if here.any():
                expected.append(('set', case.name, (start, stop), start + z))
    found = PromptSliceDataset(root, split, [], min_area, gaps).slices
    assert [(task, case.name, block, z)
            for task, case, block, z in found] == expected
    assert len(found) == len(expected) > 0


def test_it_is_made_once(root, monkeypatch):
    PreparedData(root)
    monkeypatch.setattr(prepared_index, 'write_index', None)
    shutil.rmtree(root / 'a')
    assert PreparedData(root).case('a').areas().shape == (20, 3)


@pytest.mark.parametrize('damage', [
    lambda path: path.unlink(),
    lambda path: path.write_bytes(b''),
    lambda path: path.write_bytes(path.read_bytes()[:100]),
    lambda path: path.write_bytes(b'\xff' * 1000),
    lambda path: path.write_bytes(path.read_bytes()[:-50]),
])
def test_a_missing_or_damaged_index_is_made_anew(root, damage):
    before = PreparedData(root).case('a').areas().copy()
    path = root / 'index.safetensors'
    whole = path.read_bytes()
    damage(path)
    np.testing.assert_array_equal(PreparedData(root).case('a').areas(), before)
    assert path.read_bytes() == whole


def test_a_changed_data_set_is_noticed(root):
    assert PreparedData(root).name == 'set'
    edit(root, name='tes')
    assert PreparedData(root).name == 'tes'


def test_a_copy_keeps_its_index(root, tmp_path, monkeypatch):
    """The copy's files have other times and the same content."""
    PreparedData(root)
    copy = tmp_path / 'copy'
    shutil.copytree(root, copy)
    os.utime(copy / 'dataset.json', (0, 0))
    assert load_index(copy) is not None


def test_without_a_place_for_it_each_process_makes_its_own(root, monkeypatch):
    def refuse(*args):
        raise PermissionError('read-only')

    monkeypatch.setattr(prepared_index, 'staged_file', refuse)
    with pytest.warns(UserWarning, match='could not be kept .*read-only'):
        data = PreparedData(root)
    assert data.case('a').areas().shape == (20, 3)
    assert {path.name for path in root.iterdir()} == {
        'dataset.json', 'a', 'ä', 'c'}


def test_another_process_is_sent_the_folder_alone(root):
    dataset = PromptSliceDataset(root, 'train', [], 1)
    again = pickle.loads(pickle.dumps(dataset))
    assert len(again) == len(dataset)
    assert again.slices[3][1:] == dataset.slices[3][1:]
    data = PreparedData(root)
    assert len(pickle.dumps(data)) < 500


def test_a_case_without_areas_is_named(root):
    (root / 'c/areas.npy').unlink()
    with pytest.raises(InputError, match='c/areas.npy: expected a readable'):
        PreparedData(root)
    np.save(root / 'c/areas.npy', np.zeros((5, 2), np.int32))
    with pytest.raises(InputError, match=r'expected .* \(6, 2\), '
                       r'found int32 \(5, 2\)'):
        PreparedData(root)


@pytest.mark.parametrize('shuffle', [False, True])
def test_the_sampler_draws_as_the_one_of_mmengine(root, shuffle):
    from mmengine.dataset import DefaultSampler
    dataset = PromptSliceDataset(root, ['train', 'val'], [], 1)
    for epoch in range(3):
        samplers = [kind(dataset, shuffle=shuffle, seed=5)
                    for kind in (DefaultSampler, EpochKeyedSampler)]
        for sampler in samplers:
            sampler.set_epoch(epoch)
            sampler.rank, sampler.world_size = 1, 2
            sampler.num_samples = -(-len(dataset) // 2)
            sampler.total_size = 2 * sampler.num_samples
        plain, keyed = map(list, samplers)
        assert [key.index for key in keyed] == plain
        assert {key[:2] for key in keyed} == {(5, epoch)}


def test_a_damaged_index_is_made_anew(root):
    """Each flipped byte is noticed, or changes nothing that is read."""
    data = PreparedData(root)
    areas = [case.areas() for case in data.cases]
    path = root / prepared_index.FILE
    whole = path.read_bytes()
    for place in range(0, len(whole), 23):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 2])
                         + whole[place + 1:])
        found = PreparedData(root)
        assert found.labels == data.labels
        assert [case.name for case in found.cases] == ['a', 'ä', 'c']
        for case, expected in zip(found.cases, areas, strict=True):
            np.testing.assert_array_equal(case.areas(), expected)


def test_other_users_can_read_it(root):
    """As they can the other files, which the mask of this user says."""
    PreparedData(root)
    modes = {(root / name).stat().st_mode
             for name in (prepared_index.FILE, 'dataset.json')}
    assert len(modes) == 1
