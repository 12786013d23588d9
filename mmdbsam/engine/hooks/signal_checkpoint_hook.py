"""A checkpoint and an orderly end when the process is told to stop."""

import signal
import sys
from pathlib import Path

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, barrier, get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdbsam.io.atomic import write_text
from mmdbsam.registry import HOOKS

#: The status with which a process ends that is to be started again,
#: ``EX_TEMPFAIL`` of sysexits.h.
RESUMABLE = 75

_PREFIX = 'signal_iter_'
_KEY = 'batches_of_epoch'


@HOOKS.register_module()
class SignalCheckpointHook(Hook):
    """Save a checkpoint at a signal, and end with status 75.

    A job scheduler sends the signal before it ends a job, as Slurm does with
    ``--signal=USR1@300``. ``--resume`` then goes on after the last iteration,
    also within an epoch.

    Args:
        signal: The signal's name. Nothing is done on systems without it.
        interval: The iterations between two times that several processes tell
            each other whether one of them has received the signal.
    """

    # After all other hooks of the iteration.
    priority = 'LOWEST'

    def __init__(self, signal: str = 'SIGUSR1', interval: int = 10) -> None:
        self.signal = signal
        self.interval = interval
        self._is_told = False
        self._ends = False

    def before_train(self, runner: Runner) -> None:
        """Wait for the signal.

        The workers of the data loaders, which are forked later, inherit the
        handler. Slurm signals them too, and they must not end.
        """
        if self.signal in signal.Signals.__members__:
            signal.signal(signal.Signals[self.signal], self._note)

    def _note(self, *_: object) -> None:
        self._is_told = True

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Leave out what was trained of the epoch in which it was saved."""
        done = checkpoint['meta'].get(_KEY)
        if done and runner.cfg.get('resume'):
            runner.train_loop.trained_batches = done

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: object = None,
                         outputs: object = None) -> None:
        """Save and end the process, if one of the processes was told to."""
        if get_world_size() == 1:
            self._ends = self._is_told
        elif self.every_n_train_iters(runner, self.interval):
            told = torch.tensor(int(self._is_told), device=get_device())
            all_reduce(told, op='max')
            self._ends = bool(told)
        # Gradients that are being accumulated are in no checkpoint.
        if self._ends and runner.optim_wrapper.should_update():
            _save(runner, batch_idx + 1)
            runner.logger.info(f'{self.signal}: saved the training at '
                               f'iteration {runner.iter + 1}; --resume goes '
                               'on with it')
            runner.visualizer.close()
            sys.exit(RESUMABLE)


def _save(runner: Runner, batches: int) -> None:
    """Write a checkpoint in place of those of earlier signals."""
    folder = Path(runner.work_dir)
    name = f'{_PREFIX}{runner.iter + 1}.pth'
    runner.save_checkpoint(str(folder), name, by_epoch=False,
                           meta={_KEY: batches})
    if is_main_process():
        write_text(folder / 'last_checkpoint', str(folder / name))
        for other in folder.glob(f'{_PREFIX}*.pth'):
            if other.name != name:
                other.unlink()
    # Where one process ends, all are ended, which must not be too early.
    barrier()
