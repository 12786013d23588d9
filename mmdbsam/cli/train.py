"""Train a model: ``mmdbsam train configs/dbsam_vitb_ct.py``."""

import argparse

from mmdbsam.cli.options import (
    add_amp_argument,
    add_fold_argument,
    add_runner_arguments,
    load_config,
)
from mmdbsam.errors import InputError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('config', help='a path, or a name of the model zoo')
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='resume from a checkpoint; without a value, from the latest in '
        'the work directory, if there is one')
    add_fold_argument(parser)
    add_amp_argument(parser)
    parser.add_argument(
        '--auto-scale-lr', action='store_true', help='scale the learning rate '
        "by the batch size of all processes to the config's "
        'auto_scale_lr.base_batch_size')
    add_runner_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Train what the command line names."""
    import torch
    from mmengine.device import get_device

    from mmdbsam.engine.config import latest_checkpoint, require_training
    from mmdbsam.engine.lost_processes import report_lost_processes
    from mmdbsam.engine.precision import NOTE, amp_dtype
    from mmdbsam.engine.runner import build_training
    from mmdbsam.engine.semantic_config import is_semantic, set_classes_of_data
    from mmdbsam.io.atomic import naming_full_disk
    from mmdbsam.weights.loading import load_weights
    cfg = load_config(args)
    require_training(cfg, f'config {args.config}')
    if is_semantic(cfg):
        set_classes_of_data(cfg)
    dtype = amp_dtype(args.amp, get_device())
    if dtype != torch.float32:
        cfg.optim_wrapper.type = ('BFloat16OptimWrapper'
                                  if dtype == torch.bfloat16 else
                                  'AmpOptimWrapper')
    if args.auto_scale_lr:
        if 'base_batch_size' not in (cfg.get('auto_scale_lr') or {}):
            raise InputError('--auto-scale-lr: expected auto_scale_lr = '
                             'dict(base_batch_size=...) in the config, found '
                             'none')
        cfg.auto_scale_lr.enable = True
    checkpoint = args.resume
    if checkpoint == 'auto':
        checkpoint = latest_checkpoint(cfg.work_dir)
    cfg.resume = checkpoint is not None
    cfg.load_from = checkpoint or cfg.get('load_from')
    if cfg.resume:
        # The checkpoint holds all weights, also the pretrained ones.
        cfg.model.pretrained = None
        if is_semantic(cfg):
            cfg.model.backbone.pretrained = None
    with naming_full_disk(cfg.work_dir), report_lost_processes():
        runner = build_training(cfg)
        if args.amp and dtype == torch.float32:
            runner.logger.info(NOTE)
        if cfg.resume:
            # The Runner would only warn of weights that do not fit.
            load_weights(runner.model, checkpoint)
        runner.train()
