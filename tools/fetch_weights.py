"""Fetch pretrained weights by name, and verify them.

``python tools/fetch_weights.py lite_medsam`` writes them to checkpoints/.
"""

import argparse
from pathlib import Path

from mmdbsam.errors import run_cli
from mmdbsam.weights.released import RELEASED_WEIGHTS


def main() -> None:
    """Fetch the weights that the command line names."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('name', choices=list(RELEASED_WEIGHTS))
    parser.add_argument('--dir', type=Path, default=Path('checkpoints'),
                        help='folder to write to (default: checkpoints)')
    args = parser.parse_args()
    weights = RELEASED_WEIGHTS[args.name]
    dest = args.dir / weights.file
    if weights.is_in(args.dir):
        print(f'{dest}: already there')
        return
    args.dir.mkdir(parents=True, exist_ok=True)
    weights.write_to(dest)
    print(f'{dest}: written')


if __name__ == '__main__':
    run_cli(main)
