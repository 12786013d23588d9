"""A checkpoint and an orderly end when the process is told to stop."""

import signal
import sys
from pathlib import Path

import torch
from mmengine.device import get_device
from mmengine.dist import all_reduce, barrier, get_world_size, is_main_process
from mmengine.hooks import EMAHook, Hook
from mmengine.runner import EpochBasedTrainLoop, Runner

from mmdbsam.engine.resumable_train_loop import ResumableTrainLoop
from mmdbsam.errors import InputError
from mmdbsam.io.atomic import write_text
from mmdbsam.registry import HOOKS

#: The status with which a process ends that is to be started again,
#: ``EX_TEMPFAIL`` of sysexits.h.
RESUMABLE = 75

_PREFIX = 'signal_iter_'
# What a checkpoint's meta says beside what mmengine's does.
_TRAINED = 'batches_of_epoch'
_OWES = 'owes_validation'


@HOOKS.register_module()
class SignalCheckpointHook(Hook):
    """Save a checkpoint at a signal, and end with status 75.

    A job scheduler sends the signal before it ends a job, as Slurm does with
    ``--signal=USR1@300``. ``--resume`` then goes on after the last iteration,
    also within an epoch. A validation that was cut short is done anew.

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
        self._owes_validation = False

    def before_train(self, runner: Runner) -> None:
        """Wait for the signal, and do the validation that was cut short.

        The workers of the data loaders, which are forked later, inherit the
        handler. Slurm signals them too, and they must not end.
        """
        if self.signal in signal.Signals.__members__:
            signal.signal(signal.Signals[self.signal], self._note)
        if self._owes_validation:
            runner.val_loop.run()

    def _note(self, *_: object) -> None:
        self._is_told = True

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Leave out what was trained of the epoch in which it was saved.

        Raises:
            InputError: If the training's loop cannot do that.
        """
        if not runner.cfg.get('resume'):
            return
        meta, loop = checkpoint['meta'], runner.train_loop
        self._owes_validation = meta.get(_OWES, False)
        if isinstance(loop, ResumableTrainLoop):
            loop.trained_batches = meta.get(_TRAINED, 0)
        elif meta.get(_TRAINED) and isinstance(loop, EpochBasedTrainLoop):
            raise InputError('train_cfg.type: expected ResumableTrainLoop to '
                             'resume a checkpoint from within an epoch, found '
                             f'{type(loop).__name__}')

    def after_train_iter(self, runner: Runner, batch_idx: int,
                         data_batch: object = None,
                         outputs: object = None) -> None:
        """Save and end the process, if one of the processes was told to."""
        self._ask(self.every_n_train_iters(runner, self.interval))
        # Gradients that are being accumulated are in no checkpoint.
        if self._ends and runner.optim_wrapper.should_update():
            self._end(runner, runner.iter + 1, {_TRAINED: batch_idx + 1})

    def after_val_iter(self, runner: Runner, batch_idx: int,
                       data_batch: object = None,
                       outputs: object = None) -> None:
        """Do so within a validation, which may be long."""
        self._ask(self.every_n_inner_iters(batch_idx, self.interval))
        if self._ends:
            for hook in runner.hooks:
                if isinstance(hook, EMAHook):
                    # The model has the averages until the validation's end.
                    hook.after_val_epoch(runner)
            self._end(runner, runner.iter, {_OWES: True})

    def _ask(self, is_time: bool) -> None:
        """Find out, if it is time, whether a process was told to end."""
        if get_world_size() == 1:
            self._ends = self._is_told
        elif is_time:
            told = torch.tensor(int(self._is_told), device=get_device())
            all_reduce(told, op='max')
            self._ends = bool(told)

    def _end(self, runner: Runner, iteration: int, meta: dict) -> None:
        """Write a checkpoint in place of those of earlier signals, and end."""
        folder = Path(runner.work_dir)
        name = f'{_PREFIX}{iteration}.pth'
        runner.save_checkpoint(str(folder), name, by_epoch=False, meta=meta)
        if is_main_process():
            write_text(folder / 'last_checkpoint', str(folder / name))
            for other in folder.glob(f'{_PREFIX}*.pth'):
                if other.name != name:
                    other.unlink()
        runner.logger.info(f'{self.signal}: saved the training at iteration '
                           f'{iteration}; --resume goes on with it')
        runner.visualizer.close()
        # Where one process ends, all are ended, which must not be too early.
        barrier()
        sys.exit(RESUMABLE)

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Mend the number of iterations, which counts one that is done."""
        if _OWES in checkpoint['meta']:
            checkpoint['meta']['iter'] = runner.iter
