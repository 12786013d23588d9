"""A small prepared data set with two cases, one of them in two blocks."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator
from mmengine.structures import InstanceData

from mmdbsam.reports.report import require_free_reports, write_reports
from mmdbsam.structures.prompt_data_sample import PromptDataSample

LABELS = {1: 'liver', 3: 'spleen', 7: 'nodule'}
BLOCKS = {'first': [[0, 6], [8, 12]], 'second': [[0, 5]]}


def _labels(depth: int, seed: int) -> np.ndarray:
    """Two large blobs that wander from slice to slice, and a tiny one."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:32, :40]
    volume = np.zeros((depth, 32, 40), np.uint8)
    for z in range(depth):
        dy, dx = rng.uniform(-2, 2, size=2)
        volume[z][(y - 12 - dy)**2 + (x - 13 - dx)**2 < 45] = 1
        volume[z][(y - 21 - dy)**2 / 2 + (x - 28 + dx)**2 < 20] = 3
    volume[2, 15, 20:23] = 7
    return volume


@pytest.fixture(scope='session')
def prepared(tmp_path_factory):
    """The data set: ``root``, ``volumes`` by case name, and its blocks."""
    root = tmp_path_factory.mktemp('prepared')
    cases, volumes = [], {}
    for seed, (name, blocks) in enumerate(BLOCKS.items()):
        volume = volumes[name] = _labels(blocks[-1][1], seed)
        (root / name).mkdir(parents=True)
        np.save(root / name / 'image.npy', volume * 30)
        np.save(root / name / 'label.npy', volume[None])
        np.save(root / name / 'areas.npy', np.stack(
            [(volume == i).sum((1, 2)) for i in LABELS], 1).astype(np.int32))
        geometry = dict(size=volume.shape[::-1], spacing=[0.8, 0.7, 3.0],
                        origin=[0, 0, 0],
                        direction=[1, 0, 0, 0, 1, 0, 0, 0, 1])
        cases.append(dict(name=name, shape=volume.shape, geometry=geometry,
                          splits={'test': blocks}, source={}, dropped={},
                          labels=list(LABELS)))
    (root / 'dataset.json').write_text(json.dumps(dict(
        format=2, name='phantom', note='Drawn, not scanned.', labels=LABELS,
        cases=cases)))
    return SimpleNamespace(root=str(root), volumes=volumes, blocks=BLOCKS)


def tight_box(mask):
    rows, columns = np.nonzero(mask)
    return [columns.min(), rows.min(), columns.max(), rows.max()]


@pytest.fixture(scope='session')
def make_samples(prepared):
    """Samples of the whole split as the model returns them.

    ``predict(mask, case, slice index, label id)`` makes a prediction from a
    reference; ``shift`` moves the boxes' sides outwards.
    """

    def make(predict, shift=0):
        samples = []
        for case, blocks in prepared.blocks.items():
            for start, stop in blocks:
                for z in range(start, stop):
                    label = prepared.volumes[case][z]
                    ids = [i for i in LABELS if (label == i).any()]
                    boxes = np.array([tight_box(label == i) for i in ids])
                    masks = [predict(label == i, case, z, i) for i in ids]
                    sample = PromptDataSample(metainfo=dict(
                        case=case, block=(start, stop), slice_index=z,
                        prompt='one box a label and slice, tight'))
                    sample.prompts = InstanceData(
                        ori_boxes=torch.tensor(
                            boxes + shift * np.array([-1, -1, 1, 1]),
                            dtype=torch.float32),
                        labels=torch.tensor(ids))
                    sample.pred_instances = InstanceData(
                        masks=torch.from_numpy(np.stack(masks)),
                        iou=torch.ones(len(ids)))
                    samples.append(sample)
        return samples

    return make


@pytest.fixture(scope='session')
def evaluate():
    """Run a metric as mmengine's test loop does, one sample a batch.

    With a folder, the report is written there as ``mmdbsam test`` does.
    """

    def run(metric, samples, report=None, provenance=()):
        evaluator = Evaluator(metric)
        if report:
            require_free_reports(metric, Path(report))
        for sample in samples:
            evaluator.process([sample])
        found = evaluator.evaluate(len(samples))
        if report:
            write_reports(metric, Path(report), dict(provenance))
        return found

    return run
