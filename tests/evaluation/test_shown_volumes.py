"""Which volumes a report shows."""

import json

import pytest

from mmdbsam.errors import InputError
from mmdbsam.evaluation import VolumeMetric
from mmdbsam.evaluation.shown_volumes import best_median_worst


def first_label_empty(mask, case, z, label_id):
    return mask & (label_id != 1)


def second_label_empty(mask, case, z, label_id):
    return mask & (label_id != 3)


@pytest.fixture
def write(prepared, make_samples, evaluate):
    def run(folder, predict, **options):
        evaluate(VolumeMetric(
            prepared.root, 'test', min_volume=50, report_dir=str(folder),
            provenance=dict(config='some.py'), **options),
            make_samples(predict))
        return json.loads((folder / 'summary.json').read_text())['overlays']

    return run


def test_best_median_worst():
    assert best_median_worst([0.3, 0.9, 0.1]) == dict(best=1, median=0,
                                                      worst=2)
    assert best_median_worst([0.5]) == dict(best=0, median=0, worst=0)


def test_a_report_shows_its_own_or_anothers(write, tmp_path):
    first = write(tmp_path / 'first', first_label_empty)
    assert first['worst']['label_id'] == 1 and first['best']['label_id'] == 3
    own = write(tmp_path / 'own', second_label_empty)
    assert own['worst']['label_id'] == 3
    alike = write(tmp_path / 'alike', second_label_empty,
                  overlays_of=str(tmp_path / 'first'))
    assert alike == first
    names = {path.stem for path in (tmp_path / 'alike/overlays').iterdir()}
    assert names == set(first)


def test_another_report_must_be_one_of_these_volumes(prepared, write,
                                                     tmp_path):
    def build():
        VolumeMetric(prepared.root, 'test', min_volume=50,
                     report_dir=str(tmp_path / 'new'),
                     overlays_of=str(tmp_path / 'old'))

    with pytest.raises(InputError, match='old/summary.json: expected the '):
        build()
    write(tmp_path / 'old', first_label_empty)
    path = tmp_path / 'old/summary.json'
    path.write_text(path.read_text().replace('"case": "first"',
                                             '"case": "third"'))
    with pytest.raises(InputError, match="overlays.*found.*'third'"):
        build()
    path.write_text('{}')
    with pytest.raises(InputError, match='found KeyError'):
        build()
