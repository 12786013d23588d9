"""Train and test a config on each fold of patients.

``mmdbsam cross-validate configs/dbsam_tinyvit_ct.py --amp --cfg-options
data_root=data/ct``, after ``mmdbsam prepare ... --folds 5``

Each fold is trained on the others and tested on its own patients. One report
of all patients is written to the folder ``report``. Finished folds are kept
and interrupted ones are resumed: after an interruption, give the same command
again. docs/cross_validation.md explains the rest.
"""

import argparse
import sys
from pathlib import Path

from mmdbsam.cli.options import (
    add_amp_argument,
    add_override_arguments,
    add_place_arguments,
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('config', help='a path, or a name of the model zoo')
    # The tests are run in float32.
    add_amp_argument(parser)
    add_place_arguments(parser)
    add_override_arguments(parser, 'work_dirs/<name of the config>_folds')


def run(args: argparse.Namespace) -> None:
    """Train and test the folds, or print their commands, and pool them."""
    from rich.console import Console

    from mmdbsam.engine.config import find_config
    from mmdbsam.reports.folds import pool_folds
    from mmdbsam.studies import (
        StudyProgress,
        Tools,
        device_environments,
        execute,
        plan_folds,
        slurm_commands,
    )
    name = find_config(args.config).stem
    work_dir = Path(args.work_dir or f'work_dirs/{name}_folds').resolve()
    runs = plan_folds(args.config, args.cfg_options, args.amp, work_dir)
    tools = Tools(args.amp)
    failures = {}
    if args.slurm:
        print(*slurm_commands(runs, tools, args.slurm, costs=False), sep='\n')
    else:
        environments = device_environments(args.devices)
        console = Console(width=None if sys.stdout.isatty() else 160)
        with StudyProgress(runs, console) as progress:
            failures = execute(runs, tools, environments, progress)
    if all(fold.is_tested for fold in runs):
        report = pool_folds([fold.report for fold in runs],
                            work_dir / 'report')
        print(f'Report of all {len(runs)} folds: {report / "index.html"}',
              'Test or infer with the mean of their logits:',
              f'  mmdbsam test {args.config} {work_dir}/fold_*/training/'
              f'{runs[0].checkpoint.name} --report REPORT', sep='\n')
    if failures:
        sys.exit(1)
