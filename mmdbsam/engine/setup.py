"""From the command line to a Runner, shared by the tools."""

import argparse
import os
from pathlib import Path
from typing import Optional

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import Runner

import mmdbsam.engine  # noqa: F401  (registers the optimiser wrapper)
from mmdbsam.errors import InputError

_DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the tools on a Runner have in common."""
    parser.add_argument('--work-dir', help='where logs and checkpoints go; '
                        'default: work_dirs/<name of the config>')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='override any key of the config, as '
        'model.image_encoder.neck=None; data_root, batch_size and max_epochs '
        'reach every place that depends on them')
    parser.add_argument('--launcher', default='none',
                        choices=['none', 'pytorch', 'slurm', 'mpi'])
    # torchrun and torch.distributed.launch know it by either name.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the common options to it.

    Raises:
        InputError: If the config is missing or cannot be read.
    """
    if not Path(args.config).is_file():
        raise InputError(f'config {args.config}: no such file')
    try:
        cfg = Config.fromfile(args.config)
    except (SyntaxError, FileNotFoundError) as error:
        raise InputError(f'config {args.config}: {error}') from error
    options = dict(args.cfg_options)
    _spread(cfg, options)
    cfg.merge_from_dict(options)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(
        Path('work_dirs') / Path(args.config).stem)
    return cfg


def build_runner(cfg: Config) -> Runner:
    """Build the Runner; distributed runs without a GPU use gloo.

    Raises:
        InputError: If a type in the config is not registered.
    """
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        os.environ.setdefault('LOCAL_RANK', '0')
        torch.distributed.init_process_group('gloo')
        cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel',
                                     device_ids=None, broadcast_buffers=False)
    try:
        return Runner.from_cfg(cfg)
    except KeyError as error:
        message = str(error.args[0])
        if 'registry' not in message:
            raise
        raise InputError(message.split('. Please')[0]) from error


def latest_checkpoint(work_dir: str) -> Optional[str]:
    """The checkpoint that ``--resume`` goes on from, if there is one."""
    pointer = Path(work_dir) / 'last_checkpoint'
    return pointer.read_text().strip() if pointer.is_file() else None


def _spread(cfg: Config, options: dict) -> None:
    """Bring the top-level shortcuts to the keys that they stand for."""
    if 'data_root' in options:
        for name in _DATALOADERS:
            cfg[name].dataset.data_root = options['data_root']
        for name in _EVALUATORS:
            cfg[name].data_root = options['data_root']
    if 'batch_size' in options:
        cfg.train_dataloader.batch_size = options.pop('batch_size')
    if 'max_epochs' in options:
        end = cfg.train_cfg.max_epochs = options.pop('max_epochs')
        cfg.param_scheduler[-1].end = end
        # A single epoch is all warm-up.
        cfg.param_scheduler = [schedule for schedule in cfg.param_scheduler
                               if schedule.begin < end]
