import csv
import json
import shutil
from collections import defaultdict
from dataclasses import replace
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb
from mmengine.logging import MMLogger

from mmdbsam.errors import InputError
from mmdbsam.evaluation import VolumeMetric, mean_scores
from mmdbsam.evaluation.predictions import PromptedMask
from mmdbsam.reports.report import folder as folder_module
from mmdbsam.reports.report import (
    read_report,
    require_free_reports,
    summarize,
    write_report,
)
from mmdbsam.reports.report.overlays import best_median_worst
from mmdbsam.reports.report.predictions import (
    load_predictions,
    save_predictions,
)
from mmdbsam.reports.report.score_tables import method_table
from mmdbsam.structures import PackedMask
from mmdbsam.visualization import overlay


def shrunk(mask, case, z, label_id):
    """Predict worse from slice to slice, so that rows differ."""
    return mask & (np.cumsum(mask).reshape(mask.shape) > 4 * z)


@pytest.fixture(scope='module')
def write(prepared, make_samples, evaluate):
    """Evaluate with a report, and return its metrics."""

    def run(folder, predict=shrunk, shift=0, keep=lambda sample: True):
        metric = VolumeMetric(prepared.root, 'test', min_volume=50,
                              baselines=True)
        samples = list(filter(keep, make_samples(predict, shift)))
        return evaluate(metric, samples, folder,
                        dict(config='some.py', checkpoint='some.pth'))

    return run


@pytest.fixture(scope='module')
def written(write, tmp_path_factory):
    """A report to read: ``folder``, ``metrics`` and ``log``."""
    base = tmp_path_factory.mktemp('written')
    MMLogger.get_instance('report_test', log_file=str(base / 'log'))
    metrics = write(base / 'out' / 'report')
    return SimpleNamespace(folder=base / 'out' / 'report', metrics=metrics,
                           log=(base / 'log').read_text())


def has_colour(path, colour):
    """Say whether a picture has the colour above its legend."""
    picture = cv2.imread(str(path))[:-60, :, ::-1].astype(float)
    rgb = 255 * np.array(to_rgb(colour))
    return (np.abs(picture - rgb).max(axis=-1) < 40).any()


def test_the_csv_agrees_with_the_summary_and_the_metric(written):
    with open(written.folder / 'cases.csv', newline='') as file:
        rows = list(csv.DictReader(file))
    summary = json.loads((written.folder / 'summary.json').read_text())
    assert len(rows) == 3 * summary['volumes'] == 18
    assert float(rows[0]['volume_ml']) == pytest.approx(
        int(rows[0]['voxels']) * 3.0 * 0.7 * 0.8 / 1000)
    by_method, by_label = defaultdict(list), defaultdict(list)
    for row in rows:
        by_method[row['method']].append(row)
        by_label[row['label'], row['method']].append(row)
    for score in ('DSC', 'NSD'):
        for method, chosen in by_method.items():
            mean = np.mean([float(row[score]) for row in chosen])
            key = score if method == 'model' else f'{method}_{score}'
            assert written.metrics[key] == pytest.approx(mean)
            assert summary['scores'][method][score] == pytest.approx(mean)
        for entry in summary['labels']:
            for method, means in entry['scores'].items():
                chosen = by_label[entry['label'], method]
                assert means['n'] == len(chosen) == 3
                assert means[score] == pytest.approx(
                    np.mean([float(row[score]) for row in chosen]))


def test_it_says_how_and_on_what_it_was_made(written):
    summary = json.loads((written.folder / 'summary.json').read_text())
    assert summary['task'] == 'phantom'
    assert summary['protocol']['split'] == 'test'
    assert summary['protocol']['tolerance'] == 2
    assert summary['protocol']['unit'] == 'mm'
    assert summary['protocol']['min_volume_voxels'] == 50
    assert summary['protocol']['box_shift_px'] == [0, 0]
    assert {'mmdbsam', 'torch', 'numpy'} < set(summary['versions'])
    assert summary['hardware']['cores'] > 0
    model = summary['scores']['model']['DSC']
    low, high = summary['intervals']['model']['DSC']
    assert low < model < high
    texts = [(written.folder / name).read_text()
             for name in ('report.md', 'index.html', 'table.tex')]
    for text in texts:
        for part in ('Drawn, not scanned.', 'inscribed ellipse',
                     f'{100 * model:.2f}',
                     f'[{100 * low:.2f}, {100 * high:.2f}]'):
            assert part in text
    for part in ('overlays/median.png', 'tight.', 'some.pth', '- DSC: Dice '):
        assert part in texts[0]


def test_too_few_cases_are_told(written):
    """There are two cases, so that rows are resampled."""
    summary = json.loads((written.folder / 'summary.json').read_text())
    assert summary['cases'] == 2 and summary['resampling']['unit'] == 'volume'
    assert 'volumes of 2 cases, which say nothing about other cases' in (
        written.folder / 'report.md').read_text()
    # Three rows of a label are not enough.
    assert all(entry['intervals']['model']['DSC'] is None
               for entry in summary['labels'])


def test_a_report_is_read_as_it_was_written(written, prepared, make_samples):
    report = read_report(written.folder)
    for method, means in mean_scores(report.rows).items():
        assert means == report.summary['scores'][method]
    prompts = load_predictions(written.folder / 'predictions.npz')
    for sample in make_samples(shrunk):
        for label_id, box, mask in zip(
                sample.prompts.labels.tolist(), sample.prompts.ori_boxes,
                sample.pred_instances.masks, strict=True):
            prompt = prompts[sample.case, label_id][0][sample.slice_index]
            found = np.zeros(mask.shape, bool)
            prompt.mask.paste(found, (0, 0))
            assert (found == mask.numpy()).all()
            assert (prompt.box == box.numpy()).all()


def test_draws_of_a_prompt_are_one_volume(written):
    """More draws narrow no interval; their spread stands beside it."""
    report = read_report(written.folder)
    again = [replace(row, draw=1, scores={
        key: value - 0.1 for key, value in row.scores.items()})
        for row in report.rows]
    summary = summarize([*report.rows, *again], 'phantom', '',
                        dict(report.summary['protocol'], draws=2), {})
    assert summary['volumes'] == report.summary['volumes']
    assert summary['spread']['model']['DSC'] == pytest.approx(0.1 / 2**0.5)
    for one, two in zip(report.summary['intervals']['model']['DSC'],
                        summary['intervals']['model']['DSC'], strict=True):
        assert two == pytest.approx(one - 0.05)
    table = method_table(summary)
    assert table.rows[-1][1].detail.startswith('± 7.07 [')
    assert 'standard deviation over 2 draws' in table.caption


def test_prompts_without_a_box_are_kept(tmp_path):
    mask = np.eye(5, dtype=bool)
    prompts = {('case', 3): {
        0: {7: PromptedMask(None, PackedMask.pack(mask))},
        1: {7: PromptedMask(np.arange(4.), PackedMask.pack(~mask))}}}
    save_predictions(tmp_path / 'x.npz', prompts)
    found = load_predictions(tmp_path / 'x.npz')['case', 3]
    assert found[0][7].box is None
    assert found[1][7].box.tolist() == [0, 1, 2, 3]
    for draw, expected in ((0, mask), (1, ~mask)):
        canvas = np.zeros((5, 5), bool)
        found[draw][7].mask.paste(canvas, (0, 0))
        assert (canvas == expected).all()


@pytest.mark.parametrize('name, content', [
    ('summary.json', '{}'), ('cases.csv', 'case,start\na,0\n'),
    ('predictions.npz', 'none')])
def test_a_broken_report_is_named(written, tmp_path, name, content):
    shutil.copytree(written.folder, tmp_path / 'copy')
    (tmp_path / 'copy' / name).write_text(content)
    with pytest.raises(InputError, match=f"{name}: expected a report's"):
        read_report(tmp_path / 'copy')
        load_predictions(tmp_path / 'copy/predictions.npz')


def test_the_table_and_the_paths_are_logged(written):
    for method, key in (('filled box', 'box_DSC'), ('model', 'DSC'),
                        ('inscribed ellipse', 'ellipse_DSC')):
        line = f'{method:<18} {100 * written.metrics[key]:>7.2f}'
        assert line in written.log
    for path in ('index.html', 'overlays/best.png',
                 'overlays/median.png', 'overlays/worst.png'):
        assert str(written.folder / path) in written.log


def test_the_overlays_show_contours_and_box(written):
    paths = sorted(written.folder.glob('overlays/*'))
    assert [p.name for p in paths] == ['best.png', 'median.png', 'worst.png']
    for path in paths:
        assert min(cv2.imread(str(path)).shape[:2]) >= 512
        for colour in (overlay.REFERENCE_COLOUR, overlay.PREDICTION_COLOUR,
                       overlay.BOX_COLOUR):
            assert has_colour(path, colour)


def test_moved_boxes_and_missing_slices_are_told(write, tmp_path):
    write(tmp_path / 'report', shift=3, predict=lambda mask, *_: ~mask & mask,
          keep=lambda sample: sample.case == 'first')
    summary = json.loads((tmp_path / 'report/summary.json').read_text())
    assert summary['protocol']['box_shift_px'] == [3, 3]
    assert '(sides 3 to 3 px outside the tight box)' in (
        tmp_path / 'report/report.md').read_text()
    # All rows tie at 0: the best is of the second case, without samples, the
    # worst of the first, with boxes and empty predictions.
    for name, boxed in (('best', False), ('worst', True)):
        path = tmp_path / f'report/overlays/{name}.png'
        assert has_colour(path, overlay.REFERENCE_COLOUR)
        assert not has_colour(path, overlay.PREDICTION_COLOUR)
        assert has_colour(path, overlay.BOX_COLOUR) == boxed


def test_a_failure_leaves_the_earlier_report(write, tmp_path, monkeypatch):
    folder = tmp_path / 'report'
    write(folder)
    before = (folder / 'report.md').read_bytes()

    def fail(path, picture):
        raise OSError('no space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(folder_module, 'imsave', fail)
        for target in (folder, tmp_path / 'other'):
            with pytest.raises(InputError, match=f'{target}: expected a '
                               'place to write to, found: no space'):
                write(target, shift=3)
            assert [path.name for path in tmp_path.iterdir()] == ['report']
    assert (folder / 'report.md').read_bytes() == before
    write(folder, shift=3)
    assert (folder / 'report.md').read_bytes() != before
    assert [path.name for path in tmp_path.iterdir()] == ['report']


def test_only_a_report_is_replaced(prepared, tmp_path):
    (tmp_path / 'summary.json').write_text('{}')
    stranger = tmp_path / 'thesis.tex'
    stranger.write_text('years of work')
    for folder, message in ((tmp_path, 'thesis.tex'),
                            (stranger, 'found a file')):
        with pytest.raises(InputError, match=message):
            require_free_reports(VolumeMetric(
                prepared.root, 'test', min_volume=50), folder)
        with pytest.raises(InputError, match=message):
            write_report(str(folder), [], {}, {}, {})
    assert stranger.read_text() == 'years of work'


@pytest.mark.parametrize('scores, best, median, worst', [
    ([0.3, 0.9, 0.1], 0.9, 0.3, 0.1), ([0.5], 0.5, 0.5, 0.5)])
def test_best_median_worst(written, scores, best, median, worst):
    """The shown rows are the model's, whatever the baselines score."""
    row = read_report(written.folder).rows[0]
    rows = [replace(row, method=method, scores=dict(DSC=abs(score - shift)))
            for method, shift in (('box', 1), ('model', 0))
            for score in scores]
    found = best_median_worst(rows)
    assert {name: row.scores['DSC'] for name, row in found.items()} == dict(
        best=best, median=median, worst=worst)
    assert {row.method for row in found.values()} == {'model'}
