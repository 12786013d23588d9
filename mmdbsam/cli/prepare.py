"""Turn medical images and their labels into mmdbsam's training format.

docs/prepare_your_data.md lists the sources that can be read.
"""

import argparse
import os
import sys
from pathlib import Path

import numpy as np

from mmdbsam.geometry.grids import ORIENTATIONS
from mmdbsam.io.prepared import FOLD, PreparedData
from mmdbsam.io.windowing import WINDOWS, parse_window
from mmdbsam.preparation import (
    SPLITS,
    CaseOptions,
    Prepared,
    SplitPlan,
    add_cases,
    find_tasks,
    prepare_dataset,
    shard_folder,
)
from mmdbsam.structures.shard import Shard


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument(
        'source', help='a folder with images/ and labels/ or in another '
        'layout of docs/prepare_your_data.md, or a CSV file with the columns '
        'image,label[,case,split,group]')
    parser.add_argument('dest', help='the folder to write to')
    parser.add_argument('--name', help="the data set's name (default: the "
                        'name of DEST)')
    parser.add_argument('--note', default='', metavar='TEXT',
                        help='a note on the data, which is shown beside '
                        'scores on them')
    parser.add_argument(
        '--overwrite', action='store_true',
        help='replace a data set at DEST that was made from other files or '
        'with other options')
    parser.add_argument(
        '--workers', type=int, default=os.cpu_count(), metavar='N',
        help='the number of cases that are prepared at the same time '
        '(default: %(default)s)')
    how = parser.add_mutually_exclusive_group()
    how.add_argument(
        '--add', action='store_true', help='add the cases of SOURCE to the '
        'data set at DEST, whose own cases are neither read nor split anew')
    how.add_argument(
        '--shard', metavar='K/N', help='prepare the K-th of '
        'N parts of the cases, to DEST.shards; mmdbsam merge puts them '
        'together')
    _add_source_options(parser.add_argument_group('source'))
    _add_case_options(parser.add_argument_group('preparation of a case'))
    add_split_options(parser.add_argument_group('split'))


def _add_source_options(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        '--labels', metavar='FILE.yml',
        help="a file of the labels to keep, with lines 'name: source' or "
        "'name: [source, source]' (default: all labels)")
    group.add_argument(
        '--series', nargs='+', default=(), metavar='UID',
        help='the DICOM series to take from folders that hold several')
    group.add_argument(
        '--channel', type=int, metavar='N',
        help="the index of the one to take from a case's several nnU-Net "
        'files, or from the volumes of a 4-D file')
    group.add_argument(
        '--allow-absolute-paths', action='store_true',
        help="allow a table's paths to lead out of its folder")


def _add_case_options(group: argparse._ArgumentGroup) -> None:
    defaults = CaseOptions()
    group.add_argument('--modality', metavar='NAME',
                       help='the modality, such as CT or MR (default: what '
                       'DICOM says, and CT for other volumes)')
    group.add_argument(
        '--window', nargs='+', action='append', metavar='LEVEL WIDTH',
        help='the window of grey values (HU for CT) that become 0..255, or '
        f'one of {", ".join(WINDOWS)}; given three times, the windows of the '
        'three channels of an RGB image (default: 8 bits stay as they are; CT '
        'has soft_tissue, and others the 0.5 to 99.5 percentiles of the '
        'non-zero voxels)')
    group.add_argument('--plane', choices=ORIENTATIONS, default=defaults.plane,
                       help='the plane of the slices (default: %(default)s)')
    group.add_argument(
        '--spacing', nargs=3, type=float, metavar=('X', 'Y', 'Z'),
        help='resample to this voxel spacing in mm, where Z is across the '
        "slices (default: the scan's own)")
    group.add_argument(
        '--min-volume', type=int, default=defaults.min_volume, metavar='N',
        help='the least number of voxels of a label in a scan; a smaller one '
        'is removed (default: %(default)s, as in MedSAM)')
    group.add_argument(
        '--min-area', type=int, default=defaults.min_area, metavar='N',
        help='the least number of pixels of a label in a slice; a smaller one '
        'is removed there (default: %(default)s, as in MedSAM)')


def add_split_options(group: argparse._ArgumentGroup) -> None:
    """Add the options that :func:`split_plan` reads."""
    group.add_argument(
        '--split-by', choices=('case', 'slices'),
        help='what the splits are made of: cases (whole patients where they '
        'are known), or slices (default: case, or slices if there are fewer '
        'than 3 cases)')
    group.add_argument(
        '--split', nargs=3, type=float, metavar=('TRAIN', 'VAL', 'TEST'),
        help='the fractions of the splits, which add up to 1 (default: 0.7 '
        '0.1 0.2; with --folds 1 0 0)')
    group.add_argument(
        '--folds', type=_folds, metavar='N', help='split by patient into N '
        'folds for cross-validation, each with its share of every label, or '
        "into one for each patient ('patients'); the test data of --split or "
        'of the source stay outside')
    group.add_argument(
        '--blocks', type=int, default=SplitPlan.blocks, metavar='N',
        help='for --split-by slices, the number of contiguous blocks that '
        'each case is cut into (default: %(default)s)')
    group.add_argument(
        '--gap', type=int, default=SplitPlan.gap, metavar='N',
        help='for --split-by slices, the number of slices left out between '
        'blocks of different splits (default: %(default)s)')
    group.add_argument(
        '--seed', type=int, default=SplitPlan.seed,
        help='for --split-by case, the seed of the shuffle (default: '
        '%(default)s)')


def _folds(text: str) -> int | str:
    if text != 'patients' and not text.isdigit():
        raise argparse.ArgumentTypeError("expected a number or 'patients', "
                                         f"found '{text}'")
    return text if text == 'patients' else int(text)


def split_plan(args: argparse.Namespace) -> SplitPlan:
    """The plan of the options that :func:`add_split_options` adds.

    Raises:
        InputError: If they do not fit each other.
    """
    default = (1., 0., 0.) if args.folds else SplitPlan.fractions
    return SplitPlan(args.split_by, args.split or default, args.blocks,
                     args.gap, args.seed, args.folds)


def print_summary(prepared: Prepared) -> None:
    """Print each split's cases and slices, and labels kept and removed."""
    data = prepared.data
    print_splits(data)
    print(f'{len(data.labels)} labels: {", ".join(data.labels.values())}')
    print_dropped(data)
    if not prepared.written:
        print(f'nothing to do: all {len(prepared.kept)} cases were prepared '
              'before, from the same files and options')
    elif prepared.kept:
        print(f'{len(prepared.written)} cases prepared, {len(prepared.kept)} '
              'kept from before')
    print(f"data set '{data.name}' written to {data.root}")


def print_splits(data: PreparedData) -> None:
    """Print the numbers of cases and slices of each split."""
    found = data.index.about['splits']
    columns = {split: 8 for split in SPLITS if not any(
        name.startswith(FOLD) for name in found)}
    columns |= {split: max(8, len(split) + 1) for split in found}
    print(f'{"":12}' + ''.join(f'{split:>{width}}' for split, width
                               in columns.items()))
    rows: dict[str, list[int]] = {'cases': [], 'slices': [], 'with label': []}
    for split in columns:
        blocks = data.index.blocks([split])
        slices = data.index.slices_of(blocks)
        for row, count in zip(rows.values(), (
                len(np.unique(blocks[:, 0])), len(slices[0]), np.count_nonzero(
                    data.index.largest_of(blocks, *slices))), strict=True):
            row.append(count)
    for title, counts in rows.items():
        print(f'{title:12}' + ''.join(f'{count:{width}}' for count, width in
                                      zip(counts, columns.values(),
                                          strict=True)))


def print_dropped(data: PreparedData) -> None:
    """Print how much of each label was removed as too small."""
    lost: dict[str, list[int]] = {}
    for case in data.cases:
        for name, (voxels, slices) in case.dropped.items():
            total = lost.setdefault(name, [0, 0, 0])
            for i, count in enumerate((voxels, slices, 1)):
                total[i] += count
    if lost:
        print('taken out as too small (--min-volume, --min-area):')
    for name, (voxels, slices, cases) in lost.items():
        print(f'  {name}: {voxels} voxels in {slices} slices of {cases} cases')


def report(prepared: Prepared) -> bool:
    """Print what was done, and return whether no case was left out."""
    print_summary(prepared)
    for name, problem in prepared.problems.items():
        print(f"problem: case '{name}' left out: {problem}", file=sys.stderr)
    if prepared.problems:
        print(f'error: {len(prepared.problems)} of '
              f'{len(prepared.problems) + len(prepared.data.cases)} cases '
              f'left out, see {prepared.data.root / "problems.csv"}',
              file=sys.stderr)
    return not prepared.problems


def run(args: argparse.Namespace) -> None:
    """Prepare the data that the command line names."""
    options = CaseOptions(
        modality=args.modality,
        windows=tuple(parse_window(words) for words in args.window or ()),
        plane=args.plane,
        spacing=tuple(args.spacing) if args.spacing else None,
        min_volume=args.min_volume,
        min_area=args.min_area,
        series=tuple(args.series),
        channel=args.channel)
    plan = split_plan(args)
    source, dest = Path(args.source), Path(args.dest)
    if args.add:
        added = add_cases(source, dest, options, plan, args.labels,
                          args.allow_absolute_paths, args.workers)
        if not report(added):
            sys.exit(1)
        return
    jobs = [(source, dest, args.name, plan)]
    tasks = find_tasks(source)
    shard = Shard.parse(args.shard) if args.shard else None
    if shard:
        jobs = [(source, shard_folder(dest, shard),
                 args.name or dest.resolve().name, plan)]
    elif tasks:
        # A benchmark is for testing only.
        jobs = [(task, Path(dest, task.name), task.name,
                 SplitPlan('case', (0, 0, 1))) for task in tasks]
    complete = [report(prepare_dataset(
        source, dest, name, options, plan, args.note, args.labels,
        args.allow_absolute_paths, args.overwrite, args.workers, shard))
        for source, dest, name, plan in jobs]
    if not all(complete):
        sys.exit(1)
