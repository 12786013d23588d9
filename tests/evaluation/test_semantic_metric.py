"""Volumes and counts of models that segment without prompts."""

import numpy as np
import pytest
import torch
from made_sets import write_set

from mmdbsam.errors import InputError
from mmdbsam.evaluation import SemanticVolumeMetric

NAMES = {2: 'liver', 5: 'tumour', 7: 'rare'}


@pytest.fixture
def layers():
    """Two blocks of three slices: liver in both, a tumour in the first."""
    label = np.zeros((2, 6, 8, 8), np.uint8)
    label[0, :, 2:6, 2:6] = 2
    label[1, 1, 3:5, 3:5] = 5
    return label


@pytest.fixture
def root(tmp_path, layers):
    return write_set(tmp_path / 'organs', layers, NAMES,
                     splits=dict(test=[[0, 3], [3, 6]]))


def evaluate(metric, predicted):
    for index, classes in enumerate(predicted):
        block = (0, 3) if index < 3 else (3, 6)
        metric.process(None, [dict(
            case='case', block=block, slice_index=index, ori_shape=(8, 8),
            pred_sem_seg=dict(data=torch.from_numpy(classes)[None]))])
    return metric.evaluate(len(predicted))


def classes_of(layers):
    """The classes liver, tumour and rare, as a model predicts them."""
    table = np.zeros(8, np.uint8)
    table[[2, 5, 7]] = 1, 2, 3
    return table[layers].max(axis=0).astype(np.int64)


def test_scores_are_of_volumes_and_the_hidden_part_counts(root, layers):
    metric = SemanticVolumeMetric(str(root), 'test', min_volume=1,
                                  baselines=True)
    scores = evaluate(metric, classes_of(layers))
    rows = {(row.label, row.start): row.scores['DSC']
            for row in metric.evaluation.rows}
    # 4 of the 48 voxels of the first liver are the tumour's.
    assert rows['liver', 0] == pytest.approx(2 * 44 / (44 + 48))
    assert rows['liver', 3] == rows['tumour', 0] == 1
    assert len(rows) == 3
    assert scores['DSC'] == pytest.approx(np.mean(list(rows.values())))
    assert scores['missing'] == scores['wrongly_found'] == 0
    assert metric.evaluation.protocol['prompt'] == 'none'
    assert {row.method for row in metric.evaluation.rows} == {'model'}


def test_missing_and_wrongly_found_structures_are_counted(root, layers):
    predicted = classes_of(layers)
    predicted[predicted == 2] = 1  # The tumour is missed.
    predicted[4, 0, 0] = 2  # It is found in the other block,
    predicted[:, 7, 7] = 3  # and what is nowhere is found in both.
    metric = SemanticVolumeMetric(str(root), 'test', min_volume=1)
    scores = evaluate(metric, predicted)
    counts = {one.label: (one.present, one.missing, one.absent,
                          one.wrongly_found)
              for one in metric.evaluation.structures}
    assert counts == dict(liver=(2, 0, 0, 0), tumour=(1, 1, 1, 1),
                          rare=(0, 0, 2, 2))
    assert (scores['missing'], scores['wrongly_found']) == (1, 3)


def test_only_classes_are_scored_whatever_their_order(root, layers):
    predicted = np.zeros((6, 8, 8), np.int64)
    predicted[layers[0] == 2] = 2
    metric = SemanticVolumeMetric(str(root), 'test', ['tumour', 'liver'],
                                  min_volume=1)
    evaluate(metric, predicted)
    rows = {(row.label, row.start): row.scores['DSC']
            for row in metric.evaluation.rows}
    assert rows == {('liver', 0): 1, ('liver', 3): 1, ('tumour', 0): 0}
    metric = SemanticVolumeMetric(str(root), 'test', ['liver'], min_volume=1)
    assert {target.label_id for target in metric.targets} == {2}


def test_a_set_without_a_class_to_score_is_refused(root):
    with pytest.raises(InputError, match='found none called heart'):
        SemanticVolumeMetric(str(root), 'test', ['heart'], min_volume=1)
    with pytest.raises(InputError, match='expected, .* a class with at least'):
        SemanticVolumeMetric(str(root), 'test', ['rare'], min_volume=1)


def test_a_sample_of_another_split_is_refused(root):
    metric = SemanticVolumeMetric(str(root), 'test', min_volume=1)
    with pytest.raises(InputError, match="expected slices of split 'test'"):
        metric.pack(dict(case='case', block=(0, 6), slice_index=0,
                         ori_shape=(8, 8), pred_sem_seg=dict(
                             data=torch.zeros(1, 8, 8))))
