"""Convert a checkpoint of MedSAM or SAM-Med2D to ours.

``python tools/model_converters/medsam.py IN OUT``

SAM-Med2D's adapters are refused. OUT is for ``model.pretrained`` of a config
on SAM's ViT.
"""

import argparse
from pathlib import Path

from mmdbsam.errors import run_cli
from mmdbsam.weights.conversion import convert_sam


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('source', metavar='IN', help='the checkpoint to read')
    parser.add_argument('dest', metavar='OUT', type=Path,
                        help='the file to write')
    return parser.parse_args()


def main() -> None:
    """Convert the checkpoint."""
    args = parse_args()
    convert_sam(args.source, args.dest)
    print(f'{args.dest}: written')


if __name__ == '__main__':
    run_cli(main)
