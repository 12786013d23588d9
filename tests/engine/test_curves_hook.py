"""The picture at the end of a training, and when it cannot be drawn."""

import json
import logging
import subprocess
import sys
from types import SimpleNamespace

import cv2
import pytest

from mmdbsam.engine import CurvesHook


@pytest.fixture
def runner(tmp_path):
    """A Runner at the end of a training that resumed another."""
    for run in (1, 2):
        path = tmp_path / f'work/2026010{run}_000000/vis_data/scalars.json'
        path.parent.mkdir(parents=True)
        path.write_text(''.join(
            json.dumps(dict(loss=1 / i, lr=1e-4, iter=i, epoch=run, step=i))
            + '\n' for i in range(5 * run - 4, 5 * run + 1)))
    return SimpleNamespace(work_dir=str(tmp_path / 'work'),
                           log_dir=str(path.parents[1]),
                           logger=logging.getLogger('test_curves_hook'))


def test_all_runs_of_the_work_directory_are_drawn_beside_the_log(
        runner, tmp_path, monkeypatch):
    drawn = []
    from mmdbsam.visualization import curves
    draw = curves.draw_curves

    def remembering(panels, title, path):
        drawn.append((title, panels))
        draw(panels, title, path)

    monkeypatch.setattr(curves, 'draw_curves', remembering)
    CurvesHook().after_train(runner)
    picture = cv2.imread(str(tmp_path / 'work/20260102_000000/curves.png'))
    assert picture.std() > 10
    (title, (loss, rate)), = drawn
    assert title == 'work'
    assert loss.curves[0].steps == list(range(1, 11))
    assert rate.label == 'learning rate'


def test_a_failure_ends_no_training(runner, tmp_path, caplog):
    (tmp_path / 'work/20260101_000000/vis_data/scalars.json').write_text('?')
    with caplog.at_level(logging.INFO):
        CurvesHook().after_train(runner)
    warning, = caplog.records
    assert warning.levelname == 'WARNING'
    assert 'curves.png was not drawn: InputError: ' in warning.message
    assert not list(tmp_path.rglob('*.png'))


def test_a_training_does_not_wait_for_matplotlib(repo_root):
    code = ('import sys, mmdbsam.engine; '
            'assert "matplotlib" not in sys.modules')
    done = subprocess.run([sys.executable, '-c', code], cwd=repo_root,
                          capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
