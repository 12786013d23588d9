"""Each of several tasks is scored by itself."""

import csv
import json
import shutil

import pytest
from mmengine.config import Config
from pages import Page

from mmdbsam.errors import InputError
from mmdbsam.evaluation import BenchmarkMetric, VolumeMetric
from mmdbsam.registry import DATASETS, METRICS
from mmdbsam.reports.report import read_report

TASKS = ('01-CT_liver', '02-MR_liver', '22-2D-liver')


@pytest.fixture
def benchmark(prepared, tmp_path):
    """Write the made-up data set three times, under the tasks' names."""
    for task in TASKS:
        shutil.copytree(prepared.root, tmp_path / 'tasks' / task)
        path = tmp_path / 'tasks' / task / 'dataset.json'
        path.write_text(json.dumps(dict(json.loads(path.read_text()),
                                        name=task)))
    return tmp_path / 'tasks'


def erode(mask, case, z, label_id):
    mask = mask.copy()
    mask[mask.any(axis=1).argmax()] = False
    return mask


def samples_of(make_samples):
    """Predict the first task perfectly, and the others eroded."""
    found = []
    for task in TASKS:
        samples = make_samples(
            erode if task != TASKS[0] else lambda mask, *_: mask)
        for sample in samples:
            sample.set_metainfo(dict(task=task))
        found += samples
    return found


@pytest.mark.parametrize('several', [
    str, lambda root: [str(root / task) for task in TASKS]])
def test_a_metric_of_one_set_refuses_several(benchmark, several):
    with pytest.raises(InputError, match='expected one data set, found 01-CT_'
                       'liver, .*score several with BenchmarkMetric'):
        VolumeMetric(several(benchmark), 'test')


def test_each_task_is_scored_by_itself(benchmark, make_samples, evaluate,
                                       prepared, tmp_path):
    metric = BenchmarkMetric(str(benchmark), split='test', min_volume=1,
                             planar_tasks=['22-*'], baselines=True)
    found = evaluate(metric, samples_of(make_samples), tmp_path / 'report')
    alone = evaluate(VolumeMetric(prepared.root, 'test', min_volume=1),
                     make_samples(erode))
    slices = evaluate(VolumeMetric(prepared.root, 'test', per_slice=True),
                      make_samples(erode))
    assert found['01-CT_liver/DSC'] == 1
    assert found['02-MR_liver/DSC'] == alone['DSC'] < 1
    assert found['22-2D-liver/DSC'] == slices['DSC'] != alone['DSC']
    assert found['22-2D-liver/NSD'] == slices['NSD']
    assert found['3D_DSC'] == pytest.approx((1 + alone['DSC']) / 2)
    assert found['2D_NSD'] == slices['NSD']
    with (tmp_path / 'report/tasks.csv').open() as stream:
        rows = {row['task']: row for row in csv.DictReader(stream)}
    assert list(rows) == list(TASKS)
    assert [row['dimensions'] for row in rows.values()] == ['3', '3', '2']
    for task in TASKS:
        assert float(rows[task]['DSC']) == found[f'{task}/DSC']
        assert (tmp_path / 'report' / task / 'report.md').is_file()


def test_the_page_above_the_tasks(benchmark, make_samples, evaluate,
                                  tmp_path):
    """Its averages are the metric's; its links lead to the tasks."""
    folder = tmp_path / 'report'
    found = evaluate(BenchmarkMetric(
        str(benchmark), split='test', min_volume=1, planar_tasks=['22-*'],
        baselines=True), samples_of(make_samples), folder)
    page = Page((folder / 'index.html').read_text())
    table = {row[0]: row[1:] for row in page.tables[0]}
    summary = json.loads((folder / 'summary.json').read_text())
    for name, key in (('mean of 2 3-D tasks', '3'),
                      ('mean of 1 2-D tasks', '2')):
        average = summary['averages'][f'{key}-D']
        for score in ('DSC', 'NSD'):
            value = found[f'{key}D_{score}']
            low, high = average['intervals'][score]
            assert average['scores'][score] == pytest.approx(value)
            assert low < value < high
            cell = f'{100 * value:.2f} [{100 * low:.2f}, {100 * high:.2f}]'
            assert cell in table[name]
            assert cell in (folder / 'report.md').read_text()
    for task in TASKS:
        assert f'{task}/index.html' in page.links
        assert (folder / task / 'index.html').is_file()
    with pytest.raises(InputError, match='expected the report of one task'):
        read_report(folder)


def test_a_sample_of_no_task_is_refused(benchmark, make_samples):
    metric = BenchmarkMetric(str(benchmark), split='test', min_volume=1)
    sample = make_samples(erode)[0]
    sample.set_metainfo(dict(task='other'))
    with pytest.raises(InputError, match="02-MR_liver, .*found 'other'"):
        metric.process(None, [sample.to_dict()])


def test_two_data_sets_of_one_name_are_refused(benchmark):
    shutil.copytree(benchmark / TASKS[0], benchmark / 'again')
    with pytest.raises(InputError, match='data sets of different names'):
        BenchmarkMetric(str(benchmark), split='test')


def test_the_papers_tasks(benchmark, repo_root):
    """The config's data and metric work on three tasks."""
    cfg = Config.fromfile(repo_root / 'configs/dbsam_vitb_medsam30.py')
    dataset = cfg.test_dataloader.dataset
    dataset.data_root = cfg.test_evaluator.data_root = str(benchmark)
    dataset = DATASETS.build(dataset)
    assert {dataset[i]['data_samples'].task
            for i in range(len(dataset))} == set(TASKS)
    metric = METRICS.build(cfg.test_evaluator)
    assert metric.planar == {TASKS[0]: False, TASKS[1]: False, TASKS[2]: True}
    patterns = cfg.test_evaluator.planar_tasks
    assert patterns[0] == '22-*' and len(patterns) == 9
