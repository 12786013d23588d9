"""What a protocol counts equals plain implementations."""

import numpy as np
import pytest
import surface_distance

from mmdbsam.errors import InputError
from mmdbsam.evaluation import VolumeMetric
from mmdbsam.evaluation.protocols import PROTOCOLS, find_protocol
from mmdbsam.evaluation.volume_scores import score_volume
from mmdbsam.registry import SCORES
from mmdbsam.reports.report.markdown import protocol_text

SPACING = (3.0, 0.7, 0.8)  # of the made-up data set
ROWS = [(case, start, stop, label_id)
        for case, start, stop in (('first', 0, 6), ('first', 8, 12),
                                  ('second', 0, 5)) for label_id in (1, 3)]
NODULES = [('first', 0, 6, 7), ('second', 0, 5, 7)]


def moved(mask, case, z, label_id):
    """Predict differently from slice to slice, and miss one slice."""
    return np.roll(mask, z % 3, axis=1) if z != 4 else np.zeros_like(mask)


def predicted(volume, start):
    return np.stack([moved(mask, None, start + z, None)
                     for z, mask in enumerate(volume)])


def rows(prepared, chosen):
    """Yield each row's reference and prediction in all slices of its block."""
    for case, start, stop, label_id in chosen:
        reference = prepared.volumes[case][start:stop] == label_id
        yield reference, predicted(reference, start)


def dice(a, b):
    """Compute what the release's ``compute_dice`` does."""
    total = a.sum() + b.sum()
    return 2 * (a & b).sum() / total if total else 1


def release_nsd(a, b):
    """Compute the release's ``SurfaceDICEScore``, which stacks every file."""
    distances = surface_distance.compute_surface_distances(a, b, (1, 1, 1))
    return surface_distance.compute_surface_dice_at_tolerance(distances, 1)


@pytest.mark.filterwarnings('ignore::DeprecationWarning')
@pytest.mark.parametrize('planar', [False, True])
def test_dbsam2024_gives_the_releases_numbers(prepared, make_samples,
                                              evaluate, planar):
    """The release's files hold only slices with the structure."""
    dsc, nsd = [], []
    for reference, prediction in rows(prepared, ROWS + NODULES):
        on = reference.any(axis=(1, 2))
        a, b = reference[on], prediction[on]
        dsc.append(np.mean([dice(*masks) for masks in zip(a, b, strict=True)])
                   if planar else dice(a, b))
        nsd.append(release_nsd(a, b) if b.any() else 0.)
    metric = VolumeMetric(prepared.root, 'test', protocol='dbsam2024',
                          per_slice=planar)
    found = evaluate(metric, make_samples(moved))
    assert found['DSC'] == pytest.approx(np.mean(dsc))
    assert found['NSD'] == pytest.approx(np.mean(nsd))


@pytest.mark.parametrize('slices', ['all', 'foreground'])
def test_slices_that_count_as_images(prepared, make_samples, evaluate,
                                     slices):
    """Two empty masks in a slice are equal."""
    expected = []
    for reference, prediction in rows(prepared, ROWS + NODULES):
        expected.append(np.mean([
            dice(a, b) for a, b in zip(reference, prediction, strict=True)
            if slices == 'all' or a.any()]))
    metric = VolumeMetric(prepared.root, 'test', per_slice=True,
                          slices=slices)
    found = evaluate(metric, make_samples(moved))
    assert found['DSC'] == pytest.approx(np.mean(expected))
    default = VolumeMetric(prepared.root, 'test', per_slice=True)
    assert default.protocol.slices == 'foreground'
    assert len(default.targets) == len(expected)


@pytest.mark.parametrize('unit, spacing', [('mm', SPACING),
                                           ('voxel', (1, 1, 1))])
def test_an_empty_prediction_is_as_far_as_the_block_is_wide(
        prepared, make_samples, evaluate, unit, spacing):
    metric = VolumeMetric(prepared.root, 'test', min_volume=50, unit=unit,
                          scores=['HD95', 'DSC', 'ASSD'])
    found = evaluate(metric, make_samples(lambda mask, *_: mask & False))
    expected = np.mean([np.linalg.norm(
        np.array([stop - start, 32, 40]) * spacing)
        for _, start, stop, _ in ROWS])
    assert list(found) == ['HD95', 'DSC', 'ASSD']
    assert found['HD95'] == found['ASSD'] == pytest.approx(expected)
    plane = VolumeMetric(prepared.root, 'test', unit=unit, per_slice=True,
                         scores=['DSC', 'HD95'])
    found = evaluate(plane, make_samples(lambda mask, *_: mask & False))
    assert found['HD95'] == pytest.approx(
        np.linalg.norm(np.multiply((32, 40), spacing[1:])))


def test_gaps_are_closed_where_only_the_foreground_counts():
    reference = np.zeros((5, 6, 7), bool)
    reference[[0, 1, 4], 2:5, 2:5] = True
    prediction = reference.copy()
    prediction[2:4] = True
    scores = {name: SCORES.build(dict(type=name)) for name in ('DSC', 'HD95')}

    def score(slices):
        return score_volume(reference, prediction, scores,
                            find_protocol('mm', slices=slices), False,
                            SPACING, reference.shape)

    assert score('foreground') == dict(DSC=1, HD95=0)
    assert score('all')['DSC'] < 1 and score('all')['HD95'] > 0


def test_a_report_says_which_way_logits_went(prepared, make_samples,
                                             evaluate):
    """Nothing is said of SAM's own way, as in reports made earlier."""
    for options, wanted in ((dict(protocol='dbsam2024'), 'direct'),
                            (dict(protocol='mm'), None),
                            (dict(protocol='dbsam2024', resampling='input'),
                             None)):
        metric = VolumeMetric(prepared.root, 'test', min_volume=50,
                              **options)
        evaluate(metric, make_samples(moved))
        assert metric.evaluation.protocol.get('resampling') == wanted
        text = protocol_text(metric.evaluation.protocol)
        assert ('directly' in text) == (wanted == 'direct')


def test_fields_of_a_protocol_can_be_changed():
    changed = find_protocol('mm', tolerance=1., slices=None)
    assert changed.tolerance == 1 and changed.unit == 'mm'
    assert PROTOCOLS['mm'].tolerance == 2
    for options, message in (
            (dict(name='nnunet'), 'protocol: expected one of mm, dbsam2024'),
            (dict(name='mm', unit='cm'), "unit: expected mm or voxel, found"),
            (dict(name='mm', slices='some'), 'slices: expected all or fore'),
            (dict(name='mm', resampling='no'), 'resampling: expected input')):
        with pytest.raises(InputError, match=message):
            find_protocol(**options)


def test_scores_must_be_known_and_hold_dsc(prepared):
    with pytest.raises(InputError, match="unknown score type 'Dice'"):
        VolumeMetric(prepared.root, 'test', scores=['Dice'])
    with pytest.raises(InputError, match='scores: expected DSC among them'):
        VolumeMetric(prepared.root, 'test', scores=['NSD'])
