"""Test a model and report its scores.

``mmdbsam test CONFIG CHECKPOINT --report DIR`` prints the scores, and writes
them to DIR with tables, plots and overlays.
"""

import argparse
from pathlib import Path

from mmdbsam.cli.options import (
    add_amp_argument,
    add_fold_argument,
    add_runner_arguments,
    load_config,
)
from mmdbsam.errors import InputError

# The forms that mmdbsam.engine.prompt_option reads.
_PROMPTS = ('tight, shift:PX, jitter:PXxDRAWS, box3d, point, clicks:N, '
            'interactive:N, interactive:box+N, interactive3d:N or '
            'interactive3d:box+N')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('config', help='a path, or a name of the model zoo')
    parser.add_argument('checkpoint', nargs='+', help='a checkpoint of '
                        'mmdbsam, the name of weights that come with it, or '
                        'an official checkpoint of SAM for a config without '
                        'added blocks; of several, such as those of folds, '
                        'the mean of the logits is tested')
    parser.add_argument('--report', metavar='DIR', type=Path,
                        help='write tables, plots and overlays to this '
                        'folder; open its index.html')
    parser.add_argument('--prompt', metavar='HOW', help='how objects are '
                        f"prompted: {_PROMPTS} (default: the config's, which "
                        'is tight)')
    parser.add_argument('--show-dir', metavar='DIR', type=Path,
                        help='write a picture of every slice with its '
                        'prompts, reference and prediction to this folder')
    parser.add_argument('--tta', action='store_true', help='test-time '
                        "augmentation, by the config's tta_model and "
                        'tta_pipeline')
    add_fold_argument(parser)
    add_amp_argument(parser)
    add_runner_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Test what the command line names."""
    import torch
    from mmengine.device import get_device
    from mmengine.dist import is_main_process

    from mmdbsam.engine.ensemble_option import set_ensemble
    from mmdbsam.engine.precision import NOTE, amp_dtype
    from mmdbsam.engine.prompt_option import set_prompt
    from mmdbsam.engine.runner import build_runner
    from mmdbsam.engine.semantic_config import (
        is_semantic,
        set_classes_of_checkpoint,
    )
    from mmdbsam.engine.tta_option import set_tta
    from mmdbsam.io.atomic import naming_full_disk
    from mmdbsam.weights.ensembles import load_members
    cfg = load_config(args)
    cfg.resume, cfg.load_from = False, None
    if is_semantic(cfg):
        if args.prompt:
            raise InputError('--prompt: expected none, as the model of '
                             f'{args.config} segments without prompts, found '
                             f'{args.prompt}')
        set_classes_of_checkpoint(cfg, args.checkpoint[0])
    if len(args.checkpoint) > 1:
        set_ensemble(cfg, len(args.checkpoint))
    if args.tta:
        set_tta(cfg)
    if args.prompt:
        set_prompt(cfg, args.prompt)
        if cfg.test_cfg.type == 'VolumeClickTestLoop':
            # Its module registers it; other tests do without inference.
            import mmdbsam.apis.volume.session_test_loop  # noqa: F401
    if args.show_dir:
        cfg.default_hooks.visualization = dict(
            type='PromptVisualizationHook', draw=True, interval=1,
            show_dir=str(args.show_dir))
    dtype = amp_dtype(args.amp, get_device())
    provenance = {}
    if args.report:
        from mmdbsam.reports.report import (
            describe_test,
            require_free_reports,
            write_reports,
        )
        cfg.test_evaluator.baselines = True
        provenance = describe_test(args.config, args.cfg_options,
                                   args.checkpoint,
                                   str(dtype).removeprefix('torch.'))
        if args.tta:
            provenance['test_time_augmentation'] = True
    with naming_full_disk(cfg.work_dir):
        runner = build_runner(cfg)
        metric, *_ = runner.test_loop.evaluator.metrics
        if args.report:
            require_free_reports(metric, args.report)
        load_members(runner.model, args.checkpoint)
        if args.amp and dtype == torch.float32:
            runner.logger.info(NOTE)
        mixed = dtype != torch.float32
        # The loop enters a context of its own, which would end the mixed
        # precision of the one around it; it takes over that one's type.
        runner.test_loop.fp16 = mixed
        with torch.autocast(get_device(), dtype, enabled=mixed):
            runner.test()
    if args.report and is_main_process():
        write_reports(metric, args.report, provenance)
