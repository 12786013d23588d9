"""Convert a checkpoint of DB-SAM's release to ours, or ours to theirs.

``python tools/model_converters/dbsam_release.py IN OUT``
"""

import argparse
from pathlib import Path

from mmdbsam.errors import run_cli
from mmdbsam.weights.conversion import convert_dbsam_release


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN', help='the checkpoint to read; '
                        "its weights' names say which of the two it is")
    parser.add_argument('dest', metavar='OUT', type=Path,
                        help='the file to write')
    return parser.parse_args()


def main() -> None:
    """Convert the checkpoint, and say in which direction."""
    args = parse_args()
    whose = convert_dbsam_release(args.source, args.dest)
    print(f'{args.dest}: written with {whose} names')


if __name__ == '__main__':
    run_cli(main)
