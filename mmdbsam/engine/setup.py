"""From the command line to a Runner, shared by the tools."""

import argparse
import atexit
import inspect
from pathlib import Path
from typing import Any, Dict, Optional, Union

import torch
from mmengine.config import Config, DictAction
from mmengine.runner import Runner
from mmengine.utils import is_seq_of

from mmdbsam import registry
from mmdbsam.engine.runner import ModelFirstRunner
from mmdbsam.errors import InputError

_DATALOADERS = ('train_dataloader', 'val_dataloader', 'test_dataloader')
_EVALUATORS = ('val_evaluator', 'test_evaluator')
# Keys that mmengine reads from the config beside the Runner's arguments.
RUNNER_KEYS = {*inspect.signature(Runner.__init__).parameters, 'compile',
               'find_unused_parameters', 'model_wrapper_cfg', 'sync_bn'}
SHORTCUTS = {'data_root', 'batch_size', 'max_epochs'}


class _OptionsAction(DictAction):
    """mmengine's KEY=VALUE options, with a usage error if one has no '='."""

    def __call__(self, parser: argparse.ArgumentParser, *args: Any,
                 **kwargs: Any) -> None:
        try:
            super().__call__(parser, *args, **kwargs)
        except ValueError:
            parser.error('--cfg-options: expected KEY=VALUE')


def add_override_arguments(
        parser: argparse.ArgumentParser,
        work_dir: str = 'work_dirs/<name of the config>') -> None:
    """The options for what a config leaves open.

    Args:
        parser: The parser.
        work_dir: The default of ``--work-dir``, for its help.
    """
    parser.add_argument('--work-dir', help='where logs and checkpoints go; '
                        f'default: {work_dir}')
    parser.add_argument(
        '--cfg-options', nargs='+', action=_OptionsAction, default={},
        metavar='KEY=VALUE', help='override any key of the config, as '
        'model.image_encoder.neck=None; data_root, batch_size and max_epochs '
        'reach every place that depends on them')


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """The options that the tools on a Runner have in common."""
    add_override_arguments(parser)
    parser.add_argument('--launcher', default='none',
                        choices=['none', 'pytorch', 'slurm', 'mpi'])
    # torchrun and torch.distributed.launch know it by either name.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the common options to it.

    Raises:
        InputError: If the config cannot be read, an option does not fit it,
            or a type that it names is not registered.
    """
    cfg = read_config(args.config)
    apply_options(cfg, args.cfg_options)
    cfg.launcher = args.launcher
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(
        Path('work_dirs') / Path(args.config).stem)
    return cfg


def read_config(path: Union[str, Path]) -> Config:
    """Read a config with its bases.

    Raises:
        InputError: If it is missing or cannot be run.
    """
    if not Path(path).is_file():
        raise InputError(f'config {path}: no such file')
    try:
        return Config.fromfile(path)
    except Exception as error:
        # A config is code: it can fail in any way.
        raise InputError(f'config {path}: {type(error).__name__}: '
                         f'{error}') from error


def apply_options(cfg: Config, options: Dict[str, Any],
                  source: str = '--cfg-options') -> None:
    """Override keys of a config in place.

    Args:
        cfg: The config of a model.
        options: Key, with dots, to value; ``data_root``, ``batch_size`` and
            ``max_epochs`` reach every place that depends on them.
        source: Where the options come from, for error messages.

    Raises:
        InputError: If an option does not fit the config, or a type that the
            config then names is not registered.
    """
    options = dict(options)
    for key in options:
        name = key.split('.')[0]
        if name not in RUNNER_KEYS | SHORTCUTS | set(cfg.keys()):
            raise InputError(f"{source} {key}: expected a key of the "
                             f"config or the Runner, found '{name}'")
    _spread(cfg, options)
    try:
        cfg.merge_from_dict(options)
    except (KeyError, TypeError) as error:
        raise InputError(f'{source}: {error.args[0]}') from error
    _check_types(cfg)


def half_precision() -> torch.dtype:
    """The type of ``--amp``: float16 only on GPUs that lack bfloat16."""
    if torch.cuda.is_available() and not torch.cuda.is_bf16_supported(
            including_emulation=False):
        return torch.float16
    return torch.bfloat16


def build_runner(cfg: Config) -> Runner:
    """Build the Runner; distributed runs without a GPU use gloo.

    Raises:
        InputError: If such a run asks for SyncBN, which torch has on GPUs
            only.
    """
    if cfg.launcher == 'pytorch' and not torch.cuda.is_available():
        if cfg.get('sync_bn'):
            raise InputError('sync_bn: torch has SyncBN on GPUs only; add '
                             '--cfg-options sync_bn=None')
        torch.distributed.init_process_group('gloo')
        # Its threads may abort an interpreter that ends before they do.
        atexit.register(torch.distributed.destroy_process_group)
        cfg.model_wrapper_cfg = dict(type='MMDistributedDataParallel',
                                     device_ids=None, broadcast_buffers=False)
    return ModelFirstRunner.from_cfg(cfg)


def latest_checkpoint(work_dir: str) -> Optional[str]:
    """The checkpoint that ``--resume`` goes on from, if there is one."""
    pointer = Path(work_dir) / 'last_checkpoint'
    checkpoint = pointer.read_text().strip() if pointer.is_file() else ''
    return checkpoint if Path(checkpoint).is_file() else None


def _spread(cfg: Config, options: dict) -> None:
    """Bring the top-level shortcuts to the keys that they stand for."""
    if 'data_root' in options:
        # Without validation there is neither its loader nor its evaluator.
        for name in filter(cfg.get, _DATALOADERS):
            cfg[name].dataset.data_root = options['data_root']
        for name in filter(cfg.get, _EVALUATORS):
            cfg[name].data_root = options['data_root']
    if 'batch_size' in options:
        cfg.train_dataloader.batch_size = options.pop('batch_size')
    if 'max_epochs' in options:
        end = cfg.train_cfg.max_epochs = options.pop('max_epochs')
        cfg.param_scheduler[-1].end = end
        # A single epoch is all warm-up.
        cfg.param_scheduler = [schedule for schedule in cfg.param_scheduler
                               if schedule.begin < end]


def _check_types(cfg: Config) -> None:
    """Name an unknown type now: mmengine builds most parts much later."""
    parts = [(registry.MODELS, cfg.model),
             (registry.OPTIM_WRAPPERS, cfg.optim_wrapper),
             (registry.OPTIMIZERS, cfg.optim_wrapper.optimizer),
             (registry.PARAM_SCHEDULERS, cfg.param_scheduler),
             (registry.HOOKS, cfg.get('custom_hooks')),
             (registry.HOOKS, list(cfg.get('default_hooks', {}).values()))]
    for name in _DATALOADERS:
        loader = cfg.get(name) or {}
        parts += [(registry.DATASETS, loader.get('dataset')),
                  (registry.DATA_SAMPLERS, loader.get('sampler'))]
    parts += [(registry.METRICS, cfg.get(name)) for name in _EVALUATORS]
    parts += [(registry.LOOPS, cfg.get(name))
              for name in ('train_cfg', 'val_cfg', 'test_cfg')]
    for known, part in parts:
        for item in part if is_seq_of(part, dict) else [part]:
            known.check(item)
