"""Logs of trainings, read back."""

import json

import pytest

from mmdbsam.engine.run_scalars import (
    curve,
    logged_keys,
    read_scalars,
    training_panels,
)
from mmdbsam.errors import InputError

STEPS, EPOCHS = 6, 4


def log(first_epoch=1, last_epoch=EPOCHS, interval=1):
    """What mmengine writes in some epochs of a training."""
    rows = []
    for epoch in range(first_epoch, last_epoch + 1):
        for step in range(interval, STEPS + 1, interval):
            done = (epoch - 1) * STEPS + step
            rows.append(dict(lr=1e-4 / done, loss=3. / done,
                             loss_dice=2. / done, time=0.5, epoch=epoch,
                             iter=done, step=done))
        rows.append({'DSC': epoch / 10, 'NSD': epoch / 5, 'CT/DSC': 0.,
                     'time': 0.1, 'step': epoch})
    return rows


def write(work_dir, run, rows):
    path = work_dir / run / 'vis_data/scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))
    return path


@pytest.mark.parametrize('cut', range(3 * STEPS, EPOCHS * (STEPS + 1)))
def test_a_resumed_training_is_read_as_the_whole_one(tmp_path, cut):
    """The training was cut after its second epoch and goes on from there."""
    write(tmp_path, '20260101_000000', log()[:cut])
    write(tmp_path, '20260101_000001', log(first_epoch=3))
    assert read_scalars(tmp_path) == log()


def test_a_training_that_began_anew_replaces_the_other(tmp_path):
    path = write(tmp_path, '20260101_000000', log())
    write(tmp_path, '20260101_000001', log(last_epoch=1, interval=3))
    assert read_scalars(tmp_path) == log(last_epoch=1, interval=3)
    assert read_scalars(path) == log()


def test_a_run_that_logged_no_step_changes_nothing(tmp_path):
    write(tmp_path, '20260101_000000', log())
    write(tmp_path, '20260101_000001', [dict(DSC=0.1, step=0)])
    assert read_scalars(tmp_path) == log()


def test_curves_of_iterations_and_of_epochs():
    rows = log()
    loss, score = curve(rows, 'loss'), curve(rows, 'DSC', 'mine')
    assert (loss.name, loss.unit) == ('loss', 'iteration')
    assert loss.steps == list(range(1, STEPS * EPOCHS + 1))
    assert loss.values == [3. / step for step in loss.steps]
    assert (score.name, score.unit) == ('mine', 'epoch')
    assert (score.steps, score.values) == ([1, 2, 3, 4], [.1, .2, .3, .4])
    assert set(logged_keys(rows)) == {'lr', 'loss', 'loss_dice', 'time',
                                      'DSC', 'NSD', 'CT/DSC'}


def test_panels_of_a_training():
    losses, rate, scores = training_panels(log())
    assert [curve.name for curve in losses.curves] == ['loss', 'loss_dice']
    assert rate.curves[0].values == [row['lr'] for row in log()
                                     if 'iter' in row]
    # The DSC of single tasks would crowd their mean.
    assert [curve.name for curve in scores.curves] == ['DSC']
    assert scores.curves[0].values == pytest.approx([10, 20, 30, 40])
    assert (losses.until, rate.until, scores.until) == (24, 24, 4)
    without = [row for row in log() if 'iter' in row]
    assert [panel.label for panel in training_panels(without)] == [
        'loss', 'learning rate']


def test_the_rate_is_that_of_no_group_of_parameters():
    rows = [dict(row, base_lr=20 * row['lr']) for row in log()
            if 'lr' in row]
    _, rate = training_panels(rows)
    assert [curve.values for curve in rate.curves] == [
        [row['base_lr'] for row in rows]]


@pytest.mark.parametrize('text, message', [
    ('', 'found no line'), ('{"loss": 1}\n', 'found lines without'),
    ('[1]\n', 'found lines without'), ('loss: 1\n', 'one JSON object a line')])
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / 'log.json'
    path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_scalars(path)


def test_missing_logs_are_refused(tmp_path):
    with pytest.raises(InputError, match='expected the work directory of a'):
        read_scalars(tmp_path)
    with pytest.raises(InputError, match='none.json: expected to read it'):
        read_scalars(tmp_path / 'none.json')
    with pytest.raises(InputError, match='expected a training'):
        training_panels([dict(DSC=0.1, step=0)])
