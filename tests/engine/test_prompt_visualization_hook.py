"""The slices that are drawn during validation and test, and how."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData

from mmdbsam.datasets import PromptSliceDataset
from mmdbsam.engine import PromptVisualizationHook
from mmdbsam.visualization import PromptVisualizer

PIPELINE = [dict(type='LoadSlice'), dict(type='BoxPromptsFromMask',
                                         min_area=1),
            dict(type='RandomFlip', prob=1.),
            dict(type='ResizeLongestSide', size=128),
            dict(type='PackPromptSample')]


class Recorder:
    """A visualizer that keeps what it is asked to draw."""

    def __init__(self):
        self.asked = []

    def add_datasample(self, name, image, sample, **options):
        self.asked.append((name, image, sample, options))


@pytest.fixture(params=['val', 'test'])
def split(request):
    return request.param


@pytest.fixture
def dataset(prepared_spine, split):
    return PromptSliceDataset(prepared_spine, split, PIPELINE, min_area=1)


@pytest.fixture
def runner(dataset):
    loader = SimpleNamespace(dataset=dataset)
    return SimpleNamespace(visualizer=Recorder(), iter=250,
                           val_dataloader=loader, test_dataloader=loader)


@pytest.fixture
def predicted(dataset):
    """The samples as a model returns them, flipped as they were given."""
    samples = [dataset[i]['data_samples'] for i in range(len(dataset))]
    for sample in samples:
        sample.pred_instances = InstanceData(masks=torch.rand(
            len(sample.prompts), *sample.ori_shape) > 0.5)
    return samples


def run(hook, runner, split, batches):
    for index, batch in enumerate(batches):
        getattr(hook, f'after_{split}_iter')(runner, index, {}, batch)


def test_every_interval_of_batches_is_drawn(runner, split, predicted):
    batches = [predicted[:2], predicted[2:3], predicted[3:]]
    hook = PromptVisualizationHook(draw=True, interval=2)
    run(hook, runner, split, batches)
    assert [name for name, *_ in runner.visualizer.asked] == [
        f'{split}_spine_lumbar_slice{sample.slice_index:04d}'
        for sample in batches[0] + batches[2]]
    runner.visualizer.asked.clear()
    run(PromptVisualizationHook(), runner, split, batches)
    assert not runner.visualizer.asked


def test_slice_and_reference_are_those_of_the_data(
        runner, split, predicted, dataset):
    run(PromptVisualizationHook(draw=True, interval=1), runner, split,
        [[sample] for sample in predicted])
    asked = runner.visualizer.asked
    case, = {case.name: case for _, case, *_ in dataset.slices}.values()
    for (_, image, shown, options), sample in zip(asked, predicted,
                                                  strict=True):
        index = sample.slice_index
        np.testing.assert_array_equal(image, case.image()[index])
        for label, mask in zip(shown.prompts.labels.tolist(),
                               shown.gt_instances.masks, strict=True):
            np.testing.assert_array_equal(
                mask, case.mask(label, index, index + 1)[0])
        assert shown.pred_instances is sample.pred_instances
        assert options['label_names'] == dataset.tasks[0].labels
    if split == 'val':
        # The step is the training's, so that a slice can be watched.
        assert {options['step'] for *_, options in asked} == {250}


def test_a_test_writes_to_a_folder(runner, split, predicted, tmp_path,
                                   dataset):
    runner.visualizer = PromptVisualizer(str(tmp_path))
    dataset.tasks[0].name = 'spine / CT'
    for sample in predicted:
        sample.set_metainfo(dict(task='spine / CT'))
    hook = PromptVisualizationHook(draw=True, interval=1,
                                   show_dir=str(tmp_path / 'shown'))
    run(hook, runner, split, [predicted])
    wanted = [f'test_spine___CT_lumbar_slice{sample.slice_index:04d}.png'
              for sample in predicted]
    assert sorted(path.name for path in tmp_path.glob('shown/*')) == (
        sorted(wanted) if split == 'test' else [])


def test_drawing_draws_no_random_number(runner, split, predicted, tmp_path):
    runner.visualizer = PromptVisualizer(str(tmp_path))
    before = (torch.get_rng_state().tolist(), random.getstate(),
              np.random.get_state()[1].tolist(), np.random.get_state()[2:])
    hook = PromptVisualizationHook(draw=True, interval=1,
                                   show_dir=str(tmp_path))
    run(hook, runner, split, [predicted[:1]])
    assert before == (
        torch.get_rng_state().tolist(), random.getstate(),
        np.random.get_state()[1].tolist(), np.random.get_state()[2:])
