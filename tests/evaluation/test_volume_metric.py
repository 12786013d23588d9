import numpy as np
import pytest
from mmengine.structures import InstanceData
from scipy import ndimage

from mmdbsam.errors import InputError
from mmdbsam.evaluation import (
    DSC,
    NSD,
    MaskPair,
    VolumeMetric,
    filled_box,
    inscribed_ellipse,
)
from mmdbsam.registry import METRICS

MIN_VOLUME = 50
ROWS = [(case, start, stop, label_id)
        for case, start, stop in (('first', 0, 6), ('first', 8, 12),
                                  ('second', 0, 5)) for label_id in (1, 3)]


def perfect(mask, case, z, label_id):
    return mask


def empty(mask, case, z, label_id):
    return np.zeros_like(mask)


def noisy(mask, case, z, label_id):
    """Displace the mask, and add an island at the slice's last pixel."""
    rng = np.random.default_rng([z, label_id, len(case)])
    found = np.roll(mask, rng.integers(-4, 5, size=2), axis=(0, 1))
    found = ndimage.binary_erosion(found, iterations=rng.integers(0, 3))
    found[-1, -1] = rng.random() < 0.3
    return found


def volume_of(samples, case, start, stop, label_id, draw):
    """Predict a label's block slice by slice, without any cropping."""
    volume = np.zeros((stop - start, 32, 40), bool)
    for sample in samples:
        z = sample.slice_index
        hits = (sample.prompts.labels == label_id).nonzero()
        if sample.case == case and start <= z < stop and len(hits):
            volume[z - start] = draw(sample, int(hits[0]))
    return volume


DRAW = {
    '': lambda s, k: s.pred_instances.masks[k].numpy(),
    'box_': lambda s, k: filled_box(s.prompts.ori_boxes[k:k + 1].numpy(),
                                    (32, 40))[0],
    'ellipse_': lambda s, k: inscribed_ellipse(
        s.prompts.ori_boxes[k:k + 1].numpy(), (32, 40))[0],
}


def expected_means(prepared, samples, methods):
    means = {}
    for method in methods:
        pairs = [MaskPair(prepared.volumes[case][start:stop] == label_id,
                          volume_of(samples, case, start, stop, label_id,
                                    DRAW[method]), (3.0, 0.7, 0.8), 2)
                 for case, start, stop, label_id in ROWS]
        for score in (DSC(), NSD()):
            means[method + type(score).__name__] = np.mean(
                [score(pair) for pair in pairs])
    return means


@pytest.fixture
def metric(prepared):
    return VolumeMetric(prepared.root, 'test', min_volume=MIN_VOLUME)


def test_it_is_built_from_a_config(prepared):
    metric = METRICS.build(dict(type='VolumeMetric', split='test',
                                data_root=prepared.root, min_volume=1))
    assert len(metric.targets) == 8


def test_a_label_that_is_absent_from_a_block_is_not_scored(prepared):
    """Whatever the least volume is: there is nothing to compare with."""
    metric = VolumeMetric(prepared.root, 'test', min_volume=0)
    assert len(metric.targets) == 8
    assert min(target.voxels for target in metric.targets) > 0


def test_perfect_predictions_score_one(metric, make_samples, evaluate):
    assert evaluate(metric, make_samples(perfect)) == dict(DSC=1, NSD=1)


def test_empty_predictions_score_zero(metric, make_samples, evaluate):
    assert evaluate(metric, make_samples(empty)) == dict(DSC=0, NSD=0)


def test_scores_equal_those_of_uncropped_volumes(prepared, make_samples,
                                                 evaluate):
    metric = VolumeMetric(prepared.root, 'test', min_volume=MIN_VOLUME,
                          baselines=True)
    samples = make_samples(noisy, shift=5)
    found = evaluate(metric, samples)
    assert 0.1 < found['DSC'] < 0.9
    assert found == pytest.approx(expected_means(prepared, samples, DRAW))


def test_order_and_padding_do_not_matter(metric, make_samples, evaluate):
    samples = make_samples(noisy)
    expected = evaluate(metric, samples)
    padded = samples[::-1] + samples[:3]
    assert evaluate(metric, padded) == expected


def test_missing_slices_count_as_empty(metric, prepared, make_samples,
                                       evaluate):
    samples = [sample for sample in make_samples(perfect)
               if sample.case != 'second' and sample.slice_index != 2]
    found = evaluate(metric, samples)
    assert found == pytest.approx(expected_means(prepared, samples, ['']))
    assert found['DSC'] < 4 / 6


def test_labels_below_the_minimum_volume_are_not_scored(
        prepared, make_samples, evaluate):

    def without_nodule(mask, case, z, label_id):
        return mask & (label_id != 7)

    for min_volume, rows, score in ((4, 6, 1), (3, 8, 6 / 8)):
        metric = VolumeMetric(prepared.root, 'test', min_volume=min_volume)
        assert len(metric.targets) == rows
        assert evaluate(metric, make_samples(without_nodule))[
            'DSC'] == pytest.approx(score)


def test_a_slice_without_prompts_leaves_one_result(metric, make_samples):
    sample = make_samples(perfect)[0]
    for name in ('prompts', 'pred_instances'):
        instances = getattr(sample, name)[:0]
        assert isinstance(instances, InstanceData)
        setattr(sample, name, instances)
    metric.process(None, [sample.to_dict()])
    packed, = metric.results
    assert packed.masks == {}


def test_nothing_to_score_is_an_input_error(prepared):
    with pytest.raises(InputError, match='min_volume=99999'):
        VolumeMetric(prepared.root, 'test', min_volume=99999)
    with pytest.raises(InputError, match="split 'val'"):
        VolumeMetric(prepared.root, 'val')


def test_samples_of_another_split_are_refused(metric, make_samples, evaluate):
    sample = make_samples(perfect)[0]
    sample.set_metainfo(dict(block=(0, 5)))
    with pytest.raises(InputError, match="split 'test'.*slices 0 to 5"):
        evaluate(metric, [sample])
