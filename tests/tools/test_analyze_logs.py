"""tools/analysis_tools/analyze_logs.py: curves and times of trainings."""

import json

import cv2
import numpy as np
import pytest

from mmdbsam.errors import InputError
from mmdbsam.visualization import curves


def log(factor=1.):
    """Two epochs of three steps, the first step of each slow."""
    rows = []
    for epoch in (1, 2):
        for step in (1, 2, 3):
            done = 3 * epoch - 3 + step
            rows.append(dict(
                loss=factor / done, lr=1e-4, epoch=epoch, iter=done,
                step=done, time=9. if step == 1 else epoch + step / 10))
        rows.append(dict(DSC=factor * epoch / 10, time=0.1, step=epoch))
    return rows


@pytest.fixture
def logs(tmp_path):
    """Two logs, of which the second is a work directory."""
    paths = [tmp_path / 'one.json', tmp_path / 'two/run/vis_data/scalars.json']
    paths[1].parent.mkdir(parents=True)
    for path, factor in zip(paths, (1., 2.), strict=True):
        path.write_text('\n'.join(map(json.dumps, log(factor))))
    return [paths[0], tmp_path / 'two']


@pytest.fixture
def analyze(load_tool, monkeypatch):
    """A function that runs the tool in this process and returns its panels."""
    tool = load_tool('analysis_tools/analyze_logs.py')
    drawn = []

    def drawing(panels, title, path):
        drawn.append((panels, title))
        curves.draw_curves(panels, title, path)

    monkeypatch.setattr(tool, 'draw_curves', drawing)

    def run(*words):
        monkeypatch.setattr('sys.argv', ['analyze_logs.py',
                                         *map(str, words)])
        tool.main()
        return drawn

    return run


def test_curves_of_several_logs(analyze, logs, tmp_path):
    out = tmp_path / 'compared.png'
    (panels, title), = analyze(
        'plot_curve', *logs, '--keys', 'loss', 'DSC', '--legend', 'a', 'b',
        'c', 'd', '--title', 'Mine', '--out', out)
    assert title == 'Mine' and cv2.imread(str(out)).std() > 5
    losses, scores = panels
    assert (losses.label, scores.label) == ('loss', 'DSC')
    assert [curve.name for curve in losses.curves] == ['a', 'c']
    assert [curve.name for curve in scores.curves] == ['b', 'd']
    for curve, factor in zip(losses.curves, (1, 2), strict=True):
        assert curve.values == [factor / step for step in range(1, 7)]
    assert [curve.values for curve in scores.curves] == [[.1, .2], [.2, .4]]


def test_curves_are_called_after_log_and_key(analyze, logs, tmp_path,
                                             monkeypatch):
    monkeypatch.chdir(tmp_path)
    (panels, _), = analyze('plot_curve', 'one.json', '--keys', 'lr', 'loss')
    assert [curve.name for curve in panels[0].curves] == [
        'one.json: lr', 'one.json: loss']
    assert (tmp_path / 'curves.png').exists()


def test_what_a_log_does_not_have_is_refused(analyze, logs):
    with pytest.raises(InputError, match="one.json has, loss, lr, time, DSC, "
                       "found 'mIoU'"):
        analyze('plot_curve', *logs, '--keys', 'mIoU')
    with pytest.raises(InputError, match='--legend: expected 2 names.*found '
                       '1'):
        analyze('plot_curve', *logs, '--legend', 'one')


def test_times_without_the_first_step_of_an_epoch(analyze, logs, capsys):
    analyze('cal_train_time', logs[0])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        f'-----Analyze train time of {logs[0]}-----',
        'slowest epoch 2, average time is 2.2500 s/iter',
        'fastest epoch 1, average time is 1.2500 s/iter',
        'time std over epochs is 0.5000',
        'average iter time: 1.7500 s/iter']
    analyze('cal_train_time', *logs, '--include-outliers')
    lines = capsys.readouterr().out.splitlines()
    mean = np.mean([row['time'] for row in log() if 'iter' in row])
    assert lines.count(f'average iter time: {mean:.4f} s/iter') == 2


def test_times_need_training_steps(analyze, tmp_path):
    path = tmp_path / 'log.json'
    path.write_text(json.dumps(dict(DSC=0.5, step=1)))
    with pytest.raises(InputError, match="training steps with a 'time'"):
        analyze('cal_train_time', path)
