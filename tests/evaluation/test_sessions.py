"""The scores of interactive sessions."""

import json

import numpy as np
import pytest
import torch

from mmdbsam.evaluation import VolumeMetric
from mmdbsam.evaluation.sessions import session_scores


def turns_of(values):
    return [dict(DSC=value, NSD=value / 2) for value in values]


def test_the_challenge_s_scores_of_five_clicks():
    found = session_scores(turns_of([.5, .7, .86, .8, .9]), [1, 2, 3, 4, 5])
    assert found['DSC_AUC'] == pytest.approx(.6 + .78 + .83 + .85)
    assert found['NSD_AUC'] == pytest.approx(found['DSC_AUC'] / 2)
    assert found['DSC_final'] == .9 and found['NSD_final'] == .45
    assert found['NoC@85'] == 3 and found['NoC@90'] == 5
    assert [found[f'DSC_after_{i}'] for i in range(1, 6)] == [
        .5, .7, .86, .8, .9]


@pytest.mark.parametrize('count', [2, 5])
def test_the_area_of_perfect_predictions_is_the_number_of_clicks_less_1(count):
    found = session_scores(turns_of([1.] * count), range(1, count + 1))
    assert found['DSC_AUC'] == count - 1


def test_the_box_s_prediction_is_no_part_of_the_area():
    clicks = [0, 1, 2, 3]
    low, high = (session_scores(turns_of([first, .7, .7, .7]), clicks)
                 for first in (0., .86))
    assert low['DSC_AUC'] == high['DSC_AUC'] == pytest.approx(1.4)
    assert low['NoC@85'] == 3 and high['NoC@85'] == 0
    assert low['NoC@90'] == high['NoC@90'] == 3


def test_without_an_nsd_there_is_no_area_of_it():
    assert not [name for name in session_scores(
        [dict(DSC=.5, IoU=.3)] * 2, [1, 2]) if name.startswith('NSD')]


@pytest.fixture
def sessions(prepared, make_samples):
    """Samples whose masks grow to the reference, with each click's points."""
    samples = make_samples(lambda mask, *_: mask)
    for sample in samples:
        references = sample.pred_instances.masks.numpy()
        order = np.cumsum(references.reshape(len(references), -1), axis=1)
        grown = [references & (order <= share * order[:, -1:]).reshape(
            references.shape) for share in (.4, .8, 1)]
        sample.pred_instances.turns = torch.from_numpy(np.stack(grown, 1))
        points = np.ones((len(references), 3, 3))
        for k, mask in enumerate(references):
            points[k, :, :2] = np.argwhere(mask)[0][::-1]
        sample.prompts.points = torch.from_numpy(points)
        del sample.prompts.ori_boxes
        sample.set_metainfo(dict(turns=[1, 2, 3], prompt='3 clicks'))
    return samples


def test_each_turn_is_scored_as_a_test_by_itself(prepared, sessions, evaluate,
                                                 tmp_path):
    metric = VolumeMetric(prepared.root, 'test', min_volume=50)
    found = evaluate(metric, sessions, tmp_path / 'report')
    alone = []
    for turn in range(3):
        for sample in sessions:
            sample.pred_instances.masks = sample.pred_instances.turns[:, turn]
        plain = [sample.clone() for sample in sessions]
        for sample in plain:
            sample.set_metainfo(dict(turns=[]))
        other = VolumeMetric(prepared.root, 'test', min_volume=50)
        alone.append(evaluate(other, plain))
    rows = metric.evaluation.rows
    assert len(rows) == len({row.volume for row in rows}) == 6
    for turn in range(3):
        for name in ('DSC', 'NSD'):
            mean = np.mean([row.scores[f'{name}_after_{turn + 1}']
                            for row in rows])
            assert mean == pytest.approx(alone[turn][name])
    assert found['DSC'] == found['DSC_final'] == alone[-1]['DSC'] == 1
    assert found['DSC_AUC'] == pytest.approx(
        (alone[0]['DSC'] + alone[2]['DSC']) / 2 + alone[1]['DSC'])
    assert 1 < found['NoC@85'] < 3


def test_the_report_shows_the_curve_and_a_strip(prepared, sessions, evaluate,
                                                tmp_path):
    metric = VolumeMetric(prepared.root, 'test', min_volume=50,
                          baselines=True)
    evaluate(metric, sessions, tmp_path / 'report', dict(config='some.py'))
    summary = json.loads((tmp_path / 'report/summary.json').read_text())
    assert summary['protocol']['turns'] == [1, 2, 3]
    assert list(summary['scores']) == ['model']
    assert summary['protocol']['scores']['DSC_AUC']['ideal'] == 2
    page = (tmp_path / 'report/index.html').read_text()
    assert 'The mean scores after each click' in page and 'NoC@85' in page
    assert 'DSC_after_1' not in page
    assert (tmp_path / 'report/overlays/session.png').is_file()
    assert 'overlays/session.png' in (
        tmp_path / 'report/report.md').read_text()
