"""When the signal ends a training; tests/tools resumes real ones."""

import signal
from types import SimpleNamespace

import pytest
import torch
from mmengine.runner import EpochBasedTrainLoop
from trainings import state

from mmdbsam.engine import ResumableTrainLoop, SignalCheckpointHook
from mmdbsam.engine.hooks.signal_checkpoint_hook import RESUMABLE
from mmdbsam.engine.run_scalars import read_scalars
from mmdbsam.errors import InputError


@pytest.fixture
def runner(tmp_path):
    """What the hook needs of a Runner; it notes what is saved."""
    saved = []

    def save(folder, name, by_epoch, meta):
        saved.append((name, meta))
        (tmp_path / name).touch()

    return SimpleNamespace(
        iter=4, work_dir=tmp_path, save_checkpoint=save, saved=saved,
        logger=SimpleNamespace(info=print), cfg=dict(resume=True),
        visualizer=SimpleNamespace(close=lambda: None),
        train_loop=ResumableTrainLoop.__new__(ResumableTrainLoop),
        optim_wrapper=SimpleNamespace(should_update=lambda: True))


@pytest.fixture
def hook(runner):
    """A hook that waits for the signal."""
    before = signal.getsignal(signal.SIGUSR1)
    hook = SignalCheckpointHook()
    hook.before_train(runner)
    yield hook
    signal.signal(signal.SIGUSR1, before)


def test_without_a_signal_the_training_goes_on(hook, runner):
    hook.after_train_iter(runner, 2)
    assert not runner.saved


def test_the_signal_ends_it_after_the_iteration(hook, runner, tmp_path):
    (tmp_path / 'signal_iter_2.pth').touch()
    (tmp_path / 'epoch_1.pth').touch()
    signal.raise_signal(signal.SIGUSR1)
    with pytest.raises(SystemExit) as end:
        hook.after_train_iter(runner, 2)
    assert end.value.code == RESUMABLE == 75
    (name, meta), = runner.saved
    assert name == 'signal_iter_5.pth'
    assert (tmp_path / 'last_checkpoint').read_text() == str(tmp_path / name)
    # The checkpoint of the signal before is not needed any more.
    assert {path.name for path in tmp_path.glob('*.pth')} == {
        name, 'epoch_1.pth'}
    hook.after_load_checkpoint(runner, dict(meta=meta))
    assert runner.train_loop.trained_batches == 3


def test_accumulated_gradients_are_used_first(hook, runner):
    runner.optim_wrapper.should_update = lambda: False
    signal.raise_signal(signal.SIGUSR1)
    hook.after_train_iter(runner, 2)
    assert not runner.saved
    runner.optim_wrapper.should_update = lambda: True
    with pytest.raises(SystemExit):
        hook.after_train_iter(runner, 3)


@pytest.mark.parametrize('meta, resume', [
    ({}, True), (dict(batches_of_epoch=3), False)])
def test_other_checkpoints_leave_nothing_out(hook, runner, meta, resume):
    """Those of whole epochs, and those that a new training starts from."""
    runner.cfg = dict(resume=resume)
    hook.after_load_checkpoint(runner, dict(meta=meta))
    assert runner.train_loop.trained_batches == 0


def test_names_a_loop_that_cannot_go_on_within_an_epoch(hook, runner):
    runner.train_loop = EpochBasedTrainLoop.__new__(EpochBasedTrainLoop)
    hook.after_load_checkpoint(runner, dict(meta={}))
    with pytest.raises(InputError, match=r'train_cfg\.type: expected Resum'):
        hook.after_load_checkpoint(runner, dict(meta=dict(
            batches_of_epoch=3)))


def test_a_validation_that_was_cut_short_is_done_anew(
        train, recipe_folder, tmp_path, monkeypatch, hook):
    """Also where it validates averages of the weights."""
    config = recipe_folder / 'recipes/dbsam_tinyvit_ema_ct.py'
    options = ['max_epochs=2', 'randomness.seed=1']
    train(config, tmp_path / 'whole', options=options)

    def tell(self, runner, batch_idx, data_batch=None):
        if batch_idx == 1 and runner.epoch == 1:
            signal.raise_signal(signal.SIGUSR1)

    with monkeypatch.context() as patched:
        patched.setattr(SignalCheckpointHook, 'before_val_iter', tell)
        with pytest.raises(SystemExit) as end:
            train(config, tmp_path / 'cut', options=options)
    assert end.value.code == RESUMABLE
    train(config, tmp_path / 'cut', '--resume', options=options)
    rows, wanted = (read_scalars(tmp_path / name) for name in ('cut', 'whole'))
    assert len(rows) == len(wanted)
    for row, other in zip(rows, wanted, strict=True):
        for key in ('step', 'loss', 'DSC'):
            assert row.get(key) == pytest.approx(other.get(key), abs=1e-6)
    assert sum('DSC' in row for row in rows) == 2
    ours, theirs = (state(tmp_path / name / 'epoch_2.pth')
                    for name in ('cut', 'whole'))
    for name, value in theirs.items():
        torch.testing.assert_close(ours[name], value)
