"""Turn image and label volumes into mmdbsam's training format."""

import argparse

import numpy as np

from mmdbsam.datasets.preparation import (
    SPLITS,
    WINDOWS,
    SplitPlan,
    parse_window,
    prepare_dataset,
)
from mmdbsam.datasets.prepared import PreparedData
from mmdbsam.errors import run_cli


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source', help='folder with images/ and labels/, or imagesTr/ and '
        'labelsTr/, which hold volumes of the same names (NIfTI, NRRD, '
        'MetaImage, a folder for each DICOM series), and, optional, '
        'labels.csv with the columns id,name, or dataset.json')
    parser.add_argument('dest', help='folder to write')
    parser.add_argument('--name', help="the data set's name (default: the "
                        'name of DEST)')
    parser.add_argument('--modality', default='CT', metavar='NAME',
                        help='as CT (the default) or MR')
    parser.add_argument(
        '--window', nargs='+', metavar='LEVEL WIDTH',
        help='grey values (HU for CT) that become 0..255, or one of '
        f'{", ".join(WINDOWS)}; default: soft_tissue for CT, else '
        'percentiles, 0.5 to 99.5 of the non-zero voxels')
    parser.add_argument(
        '--split-by', choices=('case', 'slices'),
        help='default: case, or slices if there are fewer than 3 cases')
    parser.add_argument(
        '--split', nargs=3, type=float, metavar=('TRAIN', 'VAL', 'TEST'),
        default=SplitPlan.fractions,
        help='fractions of sum 1 (default: 0.7 0.1 0.2)')
    parser.add_argument(
        '--blocks', type=int, default=SplitPlan.blocks, metavar='N',
        help='by slices: contiguous blocks that each case is cut into '
        '(default: %(default)s)')
    parser.add_argument(
        '--gap', type=int, default=SplitPlan.gap, metavar='N',
        help='by slices: slices dropped between blocks of different splits '
        '(default: %(default)s)')
    parser.add_argument(
        '--seed', type=int, default=SplitPlan.seed,
        help='by case: seed of the shuffle (default: %(default)s)')
    parser.add_argument(
        '--series', nargs='+', default=(), metavar='UID',
        help='the DICOM series to take from folders that hold several')
    parser.add_argument(
        '--channel', type=int, metavar='N',
        help="the channel to take of nnU-Net's cases that have several")
    parser.add_argument('--note', default='', metavar='TEXT',
                        help='what a reader of a score on the data must know')
    parser.add_argument('--overwrite', action='store_true',
                        help='replace the data set that is at DEST')
    return parser.parse_args()


def print_summary(data: PreparedData) -> None:
    """Print cases and slices per split, and the labels."""
    print(f'{"":12}' + ''.join(f'{split:>8}' for split in SPLITS))
    blocks = {split: data.blocks(split) for split in SPLITS}
    rows = {
        'cases': lambda found: len({case.name for case, _, _ in found}),
        'slices': lambda found: sum(stop - start for _, start, stop in found),
        'with label': lambda found: sum(
            np.any(case.areas()[start:stop], axis=1).sum()
            for case, start, stop in found)
    }
    for title, count in rows.items():
        print(f'{title:12}' +
              ''.join(f'{count(blocks[split]):8}' for split in SPLITS))
    print(f'{len(data.labels)} labels: {", ".join(data.labels.values())}')
    print(f"data set '{data.name}' written to {data.root}")


def main() -> None:
    """Prepare the data that the command line names."""
    args = parse_args()
    plan = SplitPlan(args.split_by, args.split, args.blocks, args.gap,
                     args.seed)
    window = parse_window(args.window) if args.window else None
    print_summary(
        prepare_dataset(args.source, args.dest, args.name,
                        window, plan, args.note, args.series, args.channel,
                        args.modality, args.overwrite))


if __name__ == '__main__':
    run_cli(main)
