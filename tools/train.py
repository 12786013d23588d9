"""Train a model: ``python tools/train.py configs/dbsam_vitb_ct.py``."""

import argparse

import torch

from mmdbsam.engine.setup import (
    add_runner_arguments,
    build_runner,
    half_precision,
    latest_checkpoint,
    load_config,
)
from mmdbsam.errors import run_cli
from mmdbsam.weights.loading import load_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument(
        '--resume', nargs='?', const='auto', metavar='CHECKPOINT',
        help='go on from a checkpoint; without a value, from the latest in '
        'the work directory, if there is one')
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: bfloat16, or '
        'float16 with loss scaling on a GPU without')
    add_runner_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    if args.amp:
        cfg.optim_wrapper.type = ('BFloat16OptimWrapper' if
                                  half_precision() == torch.bfloat16 else
                                  'AmpOptimWrapper')
    checkpoint = args.resume
    if checkpoint == 'auto':
        checkpoint = latest_checkpoint(cfg.work_dir)
    cfg.resume = checkpoint is not None
    cfg.load_from = checkpoint or cfg.get('load_from')
    if cfg.resume:
        # All weights come from the checkpoint.
        cfg.model.pretrained = None
    runner = build_runner(cfg)
    if cfg.resume:
        # The Runner would only warn of weights that do not fit.
        load_weights(runner.model, checkpoint)
    runner.train()


if __name__ == '__main__':
    run_cli(main)
