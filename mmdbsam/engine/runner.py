"""mmengine's Runner, whose log begins with the model's parameters."""

import atexit
import logging
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, Dict, Mapping, Optional, Union

import torch
from mmengine.config import Config
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger, print_log
from mmengine.runner import FlexibleRunner, Runner
from torch import nn

from mmdbsam.engine.hooks.protocol_hook import ProtocolHook
from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_file
from mmdbsam.io.locks import locked
from mmdbsam.registry import MODELS, STRATEGIES, VISBACKENDS, VISUALIZERS
from mmdbsam.weights.loading import load_weights, read_checkpoint
from mmdbsam.weights.trained import is_trained_part


class ModelFirstRunner(Runner):
    """A Runner that builds the model, and logs its size, before the rest.

    mmengine's own Runner starts with the environment, the config and the
    hooks, which are some hundreds of lines. Here only the log file has them.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """Build the logger, and log the model's parameters first."""
        logger = super().build_logger(*args, **kwargs)
        for handler in logger.handlers:
            if not isinstance(handler, logging.FileHandler):
                handler.addFilter(is_for_people)
        if logger.log_file:
            print_log(f'The log file is {logger.log_file}.', logger)
        self._first_model = super().build_model(self.cfg.model)
        logger.info(parameter_counts(self._first_model))
        return logger

    def load_checkpoint(self, filename: str, *args: Any, **kwargs: Any) -> Any:
        """Load ``load_from``, which may be weights of the trained part alone.

        Raises:
            InputError: See :func:`.load_weights` and
                :func:`.read_checkpoint`.
        """
        if is_trained_part(filename):
            return load_weights(self.model, filename)
        # mmengine's own reading fails in any way at a damaged file.
        read_checkpoint(filename)
        return super().load_checkpoint(filename, *args, **kwargs)

    def train(self) -> nn.Module:
        """Train, unless another training writes to the work directory.

        Raises:
            InputError: If one does.
        """
        with _only_training(self.work_dir):
            return super().train()

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any,
                        **kwargs: Any) -> None:
        """Save a checkpoint, whole or not at all.

        Raises:
            WriteError: If it cannot be written.
        """
        if '://' in out_dir:
            super().save_checkpoint(out_dir, filename, *args, **kwargs)
        elif is_main_process():
            with staged_file(Path(out_dir, filename)) as partial:
                super().save_checkpoint(out_dir, partial.name, *args,
                                        **kwargs)

    def build_model(self, model: Union[nn.Module, Dict]) -> nn.Module:
        """Return the model that was built with the logger."""
        return self._first_model


class StrategyRunner(FlexibleRunner):
    """mmengine's Runner for strategies, whose best checkpoints can be resumed.

    mmengine's own counts an epoch too many in a checkpoint that is written
    again after a validation, and a training resumed from it leaves one out.
    """

    _place: Mapping[str, int] = {}

    def train(self) -> nn.Module:
        """Train; see :meth:`ModelFirstRunner.train`."""
        with _only_training(self.work_dir):
            return super().train()

    def save_checkpoint(self, out_dir: str, filename: str, *args: Any,
                        meta: Optional[dict] = None, **kwargs: Any) -> None:
        """Save, as ``Runner`` does, with the epoch that ``meta`` names.

        The checkpoint is saved whole or not at all.

        Raises:
            WriteError: If it cannot be written.
        """
        self._place = {key: value for key, value in (meta or {}).items()
                       if key in ('epoch', 'iter')}
        # All processes take part, as each has a part of the weights, and the
        # main one writes.
        writes = is_main_process() and '://' not in out_dir
        with (staged_file(Path(out_dir, filename)) if writes else
              nullcontext(Path(filename))) as partial:
            super().save_checkpoint(out_dir, partial.name, *args, meta=meta,
                                    **kwargs)

    def call_hook(self, fn_name: str, **kwargs: Any) -> None:
        """Call the hooks, for which a checkpoint is complete."""
        if fn_name == 'before_save_checkpoint':
            kwargs['checkpoint']['meta'].update(self._place)
        super().call_hook(fn_name, **kwargs)


@contextmanager
def _only_training(work_dir: str) -> Iterator[None]:
    """Keep other trainings from a work directory; see :func:`.locked`."""
    # One process locks it for all of a training.
    with (locked(Path(work_dir), wait=False) if is_main_process() else
          nullcontext()):
        yield


def is_for_people(record: logging.LogRecord) -> bool:
    """Whether a record belongs on the terminal too, and not in the log alone.

    The records of mmengine's Runner that have several lines describe the
    machine, the config and the hooks.
    """
    return (record.module != 'runner' or record.levelno > logging.INFO
            or '\n' not in record.getMessage()
            or 'mmengine' not in record.pathname)


def parameter_counts(model: nn.Module) -> str:
    """Say how many parameters are trained and frozen, by part of the model.

    Returns:
        str: One line for the model and one for each of its children that has
        parameters.
    """
    lines = []
    for name, part in [('model', model), *model.named_children()]:
        counts = {True: 0, False: 0}
        for parameter in part.parameters():
            counts[parameter.requires_grad] += parameter.numel()
        if any(counts.values()):
            lines.append(f'{name}: {counts[True] / 1e6:.2f} M parameters '
                         f'trained, {counts[False] / 1e6:.2f} M frozen')
    return '\n  '.join(lines)


def build_runner(cfg: Config) -> Runner:
    """Build the Runner of a config.

    Distributed runs without a GPU use the backend gloo.

    Raises:
        InputError: If a distributed run without a GPU asks for SyncBN, which
            torch has on GPUs only; if the visualizer or one of its backends
            is unknown.
    """
    _prepare(cfg)
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel',
                                     device_ids=None, broadcast_buffers=False)
    runner = ModelFirstRunner.from_cfg(cfg)
    runner.register_hook(ProtocolHook())
    return runner


def build_training(cfg: Config) -> Union[Runner, FlexibleRunner]:
    """Build the Runner of a training, which may have a strategy.

    A config with a ``strategy``, such as :class:`.FSDP2Strategy`, gets
    mmengine's ``FlexibleRunner``. Tests of the same config need no strategy.

    Raises:
        InputError: See :func:`build_runner`; if there is a strategy and no
            launcher, or it is unknown, or the training shall start from
            weights of a trained part alone.
    """
    if not cfg.get('strategy'):
        return build_runner(cfg)
    STRATEGIES.check(cfg.strategy)
    if cfg.launcher == 'none':
        raise InputError('strategy: expected several processes, found '
                         '--launcher none; start them with '
                         'tools/dist_train.sh CONFIG N')
    if is_trained_part(cfg.get('load_from') or ''):
        raise InputError('load_from: expected a whole checkpoint for a '
                         f'training with a strategy, found {cfg.load_from}')
    _prepare(cfg)
    # The Runner without a strategy finds it in the config.
    cfg.strategy.setdefault('sync_bn', cfg.get('sync_bn'))
    runner = StrategyRunner.from_cfg(cfg)
    runner.model = MODELS.build(cfg.model)
    runner.logger.info(parameter_counts(runner.model))
    runner.register_hook(ProtocolHook())
    return runner


def _prepare(cfg: Config) -> None:
    """Check a config, and connect the processes of a CPU."""
    visualizer = cfg.get('visualizer') or {}
    VISUALIZERS.check(visualizer)
    for backend in visualizer.get('vis_backends') or ():
        VISBACKENDS.check(backend)
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        if cfg.get('sync_bn'):
            raise InputError('sync_bn: torch has SyncBN on GPUs only; add '
                             '--cfg-options sync_bn=None')
        torch.distributed.init_process_group('gloo')
        # The threads of gloo may abort an interpreter that ends before they
        # do.
        atexit.register(torch.distributed.destroy_process_group)
