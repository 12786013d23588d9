"""Training on several prepared data sets, drawn by weights."""

import json
import shutil
from collections import Counter

import numpy as np
import pytest

from mmdbsam.datasets import MixtureSampler, PromptSliceDataset, SampleKey
from mmdbsam.errors import InputError

PIPELINE = [
    dict(type='LoadSlice'),
    dict(type='RandomAffine', prob=1.),
    dict(type='BoxPromptsFromMask', prompts_per_image=2),
    dict(type='ResizeLongestSide', size=64),
    dict(type='PackPromptSample'),
]


@pytest.fixture
def roots(prepared_spine, tmp_path):
    """Three data sets; 'few' has a quarter of the slices, 'unused' none."""
    found = []
    for name in ('many', 'few', 'unused'):
        folder = tmp_path / name
        shutil.copytree(prepared_spine, folder)
        path = folder / 'dataset.json'
        content = dict(json.loads(path.read_text()), name=name)
        case, = content['cases']
        if name == 'few':
            case['splits']['train'] = [[14, 21]]
        elif name == 'unused':
            case['splits'] = dict(test=[[0, 47]])
        path.write_text(json.dumps(content))
        found.append(str(folder))
    return found


@pytest.fixture
def mixture(roots):
    return PromptSliceDataset(roots, 'train', PIPELINE, min_area=20)


def drawn(mixture, epochs, **options):
    """The keys of some epochs, and how many each data set gave."""
    sampler = MixtureSampler(mixture, seed=7, **options)
    keys = []
    for epoch in range(epochs):
        sampler.set_epoch(epoch)
        found = list(sampler)
        assert len(found) == len(sampler)
        keys.append(found)
    return keys, Counter(mixture.slices[key.index][0]
                         for found in keys for key in found)


def test_sets_in_a_list_are_those_in_their_folder(roots, mixture, tmp_path):
    together = PromptSliceDataset(tmp_path, 'train', PIPELINE, min_area=20)
    assert {name: len(found) for name, found
            in mixture.indices_by_task.items()} == dict(many=29, few=7)
    assert ({name: len(found) for name, found
             in together.indices_by_task.items()} == dict(few=7, many=29))
    for name, places in mixture.indices_by_task.items():
        assert {mixture.slices[place][0] for place in places} == {name}
    assert set(mixture.metainfo['tasks']) == {'many', 'few', 'unused'}


@pytest.mark.parametrize('weights, expected', [
    ('slice', dict(many=29, few=7)),
    ('set', dict(many=18, few=18)),
    (dict(many=1, few=3), dict(many=9, few=27)),
    (dict(many=0, few=2), dict(few=36)),
])
def test_weights_say_how_often_a_set_is_drawn(mixture, weights, expected):
    keys, counts = drawn(mixture, 1, weights=weights)
    assert counts == expected
    # Every slice is drawn before one is drawn again.
    times = Counter(key.index for key in keys[0])
    for name in expected:
        of_set = [times[place] for place in mixture.indices_by_task[name]]
        assert max(of_set) - min(of_set) <= 1


def test_a_small_weight_is_not_rounded_to_none(mixture):
    _, counts = drawn(mixture, 50, weights=dict(many=0.99, few=0.01),
                      samples=20)
    assert counts == dict(many=990, few=10)


def test_draws_of_a_slice_in_an_epoch_differ(mixture):
    (keys, ), _ = drawn(mixture, 1, weights=dict(many=0, few=1), samples=21)
    assert len(set(keys)) == 21
    assert Counter(key.draw for key in keys) == {0: 7, 1: 7, 2: 7}
    index = keys[0].index
    first, again = (mixture[SampleKey(7, 0, index, draw)]['inputs'].numpy()
                    for draw in (0, 1))
    assert not np.array_equal(first, again)
    same = mixture[SampleKey(7, 0, index)]['inputs'].numpy()
    np.testing.assert_array_equal(first, same)


def test_an_epoch_depends_on_seed_and_epoch_alone(mixture):
    (first, second), _ = drawn(mixture, 2, weights='set')
    sampler = MixtureSampler(mixture, weights='set', seed=7)
    sampler.set_epoch(1)
    assert list(sampler) == second != first
    sampler = MixtureSampler(mixture, weights='set', seed=8)
    assert [key.index for key in sampler] != [key.index for key in first]


def test_ranks_share_an_epoch_of_a_mixture(mixture, monkeypatch):
    shares = []
    for rank in range(2):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info',
                            lambda rank=rank: (rank, 2))
        shares.append(list(MixtureSampler(mixture, 'set', samples=20,
                                          seed=7)))
    monkeypatch.undo()
    alone = list(MixtureSampler(mixture, 'set', samples=20, seed=7))
    assert [shares[0], shares[1]] == [alone[0::2], alone[1::2]]


def test_a_least_area_for_each_set(roots):
    found = PromptSliceDataset(roots, 'train', PIPELINE,
                               min_area={'f*': 400, '*': 9999, 'many': 1})
    assert list(found.indices_by_task) == ['few']
    rows = found.tasks[1].cases[0].areas().max(axis=1)
    assert [place for *_, place in found.slices] == [
        place for place in range(14, 21) if rows[place] >= 400]
    with pytest.raises(InputError, match="entry for data set 'many'"):
        PromptSliceDataset(roots, 'train', PIPELINE, min_area=dict(few=1))


def test_prompts_take_the_sets_least_area_or_the_largest_label(mixture):
    """An augmentation may leave no label of the least area."""
    mixture.min_areas = dict.fromkeys(mixture.min_areas, 10**6)
    _, case, _, place = mixture.slices[3]
    areas = np.bincount(case.label()[0, place].ravel(), minlength=24)[1:]
    mixture.pipeline.transforms[1].prob = 0
    labels = mixture[3]['data_samples'].prompts.labels
    assert labels.unique().tolist() == [1 + areas.argmax()]


@pytest.mark.parametrize('weights, complaint', [
    ('equal', "each of many, few, found 'equal'"),
    (dict(many=1), 'each of many, few, found many'),
    (dict(many=1, few=1, unused=1), 'found many, few, unused'),
    (dict(many=-1, few=2), 'expected numbers >= 0 that are not all 0'),
    (dict(many=0, few=0), 'expected numbers >= 0 that are not all 0'),
])
def test_wrong_weights_are_refused(mixture, weights, complaint):
    with pytest.raises(InputError, match=complaint):
        MixtureSampler(mixture, weights)
