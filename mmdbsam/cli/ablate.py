"""Train, test and compare the variants of a study.

``mmdbsam ablate configs/studies/components_tinyvit_ct.py --amp``

Finished runs are kept and interrupted ones are resumed: after an interruption,
or after adding variants or seeds to the study, give the same command again.
docs/ablations.md explains the rest.
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
    parser.add_argument('study', help='the path of the study\'s file')
    # The tests are run in float32.
    add_amp_argument(parser)
    add_place_arguments(parser)
    add_override_arguments(parser, 'work_dirs/<name of the study>')


def run(args: argparse.Namespace) -> None:
    """Run the study, or print its commands, and write its table."""
    from rich.console import Console

    from mmdbsam.reports.study import collect, write_tables
    from mmdbsam.studies import (
        StudyProgress,
        Tools,
        device_environments,
        execute,
        measure_costs,
        plan_runs,
        read_study,
        slurm_commands,
    )
    study = read_study(args.study, args.cfg_options, args.amp)
    work_dir = Path(args.work_dir or f'work_dirs/{study.name}').resolve()
    runs = plan_runs(study, work_dir)
    tools = Tools(args.amp)
    # Output to a file has no terminal's width; 160 fits the table.
    console = Console(width=None if sys.stdout.isatty() else 160)
    failures = {}
    if args.slurm:
        print(*slurm_commands(runs, tools, args.slurm), sep='\n')
    else:
        environments = device_environments(args.devices)
        with StudyProgress(runs, console) as progress:
            failures = execute(runs, tools, environments, progress)
            failures |= measure_costs(runs, tools, progress)
    write_tables(collect(study, runs, failures), work_dir, console)
    if failures:
        sys.exit(1)
