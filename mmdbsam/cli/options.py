"""Options that several commands share, and their effect on a config."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmengine.config import Config

# Those of mmdbsam.deployment.runtimes; the first is the default.
_RUNTIMES = ('onnxruntime', 'openvino')


class _OptionsAction(argparse.Action):
    """Parses mmengine's KEY=VALUE options; one without '=' is an error."""

    def __call__(self, parser: argparse.ArgumentParser,
                 namespace: argparse.Namespace, *args: Any) -> None:
        from mmengine.config import DictAction
        try:
            DictAction(self.option_strings, self.dest)(parser, namespace,
                                                       *args)
        except ValueError:
            parser.error('--cfg-options: expected KEY=VALUE')


def add_override_arguments(
        parser: argparse.ArgumentParser,
        work_dir: str = 'work_dirs/<name of the config>') -> None:
    """Add the options that override a config.

    Args:
        parser: The parser.
        work_dir: The default of ``--work-dir``, as its help names it.
    """
    parser.add_argument('--work-dir', help='the folder for logs and '
                        f'checkpoints (default: {work_dir})')
    add_cfg_options(parser)


def add_cfg_options(parser: argparse.ArgumentParser) -> None:
    """Add the option that overrides keys of a config."""
    parser.add_argument(
        '--cfg-options', nargs='+', action=_OptionsAction, default={},
        metavar='KEY=VALUE', help='override any key of the config, for '
        'example model.image_encoder.neck=None; data_root, image_size, '
        'batch_size and max_epochs change every place that depends on them')


def add_amp_argument(parser: argparse._ActionsContainer) -> None:
    """Add ``--amp``, which :func:`.amp_dtype` reads."""
    parser.add_argument(
        '--amp', nargs='?', const='auto', choices=('auto', 'force'),
        help='compute in mixed precision where this machine gains from it: in '
        'bfloat16, or in float16 on a GPU without bfloat16. CPUs that emulate '
        'bfloat16 compute in float32; force insists on mixed precision')


def add_model_arguments(group: argparse._ArgumentGroup) -> None:
    """Add the options that choose the model which segments scans."""
    group.add_argument(
        '--config', default='dbsam_tinyvit_ct', help='a path, a name of the '
        'model zoo, or the folder of an exported model (default: %(default)s)')
    group.add_argument(
        '--checkpoint', action='append', help='the checkpoint of a training, '
        'or the name of weights that come with mmdbsam (default: the '
        "config's own, as dbsam_tinyvit_ct has them; where there are none, "
        'the weights that its training starts from); repeat it for the '
        'folds of a cross-validation, whose logits are then averaged')
    group.add_argument('--fetch-weights', action='store_true',
                       help='download released weights that are missing')
    group.add_argument('--device', default='auto', help='the torch device, '
                       'such as cpu or cuda:0 (default: %(default)s)')
    group.add_argument('--runtime', choices=_RUNTIMES, help='what runs an '
                       f'exported model (default: {_RUNTIMES[0]})')
    add_amp_argument(group)


def add_place_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--devices`` and ``--slurm``, where several trainings run."""
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--devices', type=int, default=1, metavar='N',
        help='the number of trainings that run at the same time, each on a '
        'GPU of its own or on its share of the CPU cores')
    where.add_argument(
        '--slurm', metavar='PARTITION', help='run nothing, but print a '
        'Slurm command for each run that is not finished, and write the table '
        'or report of those that are')


def add_fold_argument(parser: argparse.ArgumentParser) -> None:
    """Add ``--fold``, which :func:`load_config` reads."""
    parser.add_argument(
        '--fold', type=int, metavar='K', help='train on all folds of the data '
        'but fold K, from 0, and validate and test on that one')


def add_runner_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options shared by the commands that read a config."""
    add_override_arguments(parser)
    parser.add_argument('--launcher', default='none',
                        choices=['none', 'pytorch', 'slurm', 'mpi'])
    # Launchers of torch pass it under either name.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help=argparse.SUPPRESS)


def load_config(args: argparse.Namespace) -> Config:
    """Read the config and apply the common options to it.

    Args:
        args: The arguments ``config``, which is a path or a name of the model
            zoo, ``cfg_options``, ``launcher``, ``work_dir`` and perhaps
            ``fold``.

    Raises:
        InputError: If the config cannot be read, an option does not fit it,
            or a type that it names is not registered.
    """
    from mmdbsam.engine.config import apply_options, find_config, read_config
    path = find_config(args.config)
    cfg = read_config(path)
    apply_options(cfg, args.cfg_options)
    if getattr(args, 'fold', None) is not None:
        from mmdbsam.engine.fold_option import set_fold
        set_fold(cfg, args.fold)
    cfg.launcher = args.launcher
    name = path.stem if getattr(args, 'fold', None) is None else (
        f'{path.stem}_fold_{args.fold}')
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or str(
        Path('work_dirs') / name)
    return cfg
