"""Train, test and compare the variants of a study.

``python tools/ablate.py configs/studies/components_tinyvit_ct.py --amp``

What is done is kept, what was cut is resumed: after an interruption, or to
add variants or seeds to the study, give the same command again. See
docs/ablations.md.
"""

import argparse
import sys
from pathlib import Path

from rich.console import Console

from mmdbsam.engine.setup import add_override_arguments
from mmdbsam.errors import run_cli
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


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('study')
    parser.add_argument(
        '--amp', action='store_true', help='train in mixed precision, as '
        'tools/train.py; tests are in float32')
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        '--devices', type=int, default=1, metavar='N',
        help='trainings at a time, each on a GPU of its own, or on its part '
        'of the cores')
    where.add_argument(
        '--slurm', metavar='PARTITION', help='run nothing: print a command '
        'for Slurm for each run that is not done, and write the table of '
        'those that are')
    add_override_arguments(parser, 'work_dirs/<name of the study>')
    return parser.parse_args()


def main() -> None:
    """Run the study, or print its commands, and write its table."""
    args = parse_args()
    study = read_study(args.study, args.cfg_options, args.amp)
    work_dir = Path(args.work_dir or f'work_dirs/{study.name}').resolve()
    runs = plan_runs(study, work_dir)
    tools = Tools(Path(__file__).parent, args.amp)
    # A file gets lines as wide as the table.
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


if __name__ == '__main__':
    run_cli(main)
