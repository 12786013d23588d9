"""Test a model and report its scores.

``python tools/test.py CONFIG CHECKPOINT --report DIR``
"""

import argparse

import torch
from mmengine.device import get_device

from mmdbsam.engine.prompt_option import FORMS, set_prompt
from mmdbsam.engine.setup import (
    add_runner_arguments,
    build_runner,
    half_precision,
    load_config,
)
from mmdbsam.errors import run_cli
from mmdbsam.reports.report import describe_test
from mmdbsam.weights.loading import load_weights


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config')
    parser.add_argument('checkpoint', help='of mmdbsam, or an official SAM '
                        'checkpoint for a config without added blocks')
    parser.add_argument('--report', metavar='DIR',
                        help='write tables, plots and overlays to this '
                        'folder; open its index.html')
    parser.add_argument('--prompt', metavar='HOW', help=f'{FORMS}; default: '
                        "the config's, which is tight")
    parser.add_argument(
        '--amp', action='store_true', help='mixed precision: bfloat16, or '
        'float16 on a GPU without')
    add_runner_arguments(parser)
    return parser.parse_args()


def main() -> None:
    args = parse_args()
    cfg = load_config(args)
    cfg.resume, cfg.load_from = False, None
    if args.prompt:
        set_prompt(cfg, args.prompt)
    dtype = half_precision() if args.amp else torch.float32
    if args.report:
        cfg.test_evaluator.update(
            report_dir=args.report,
            provenance=describe_test(args.config, args.cfg_options,
                                     args.checkpoint,
                                     str(dtype).removeprefix('torch.')))
    runner = build_runner(cfg)
    load_weights(runner.model, args.checkpoint)
    with torch.autocast(get_device(), dtype, enabled=args.amp):
        runner.test()


if __name__ == '__main__':
    run_cli(main)
