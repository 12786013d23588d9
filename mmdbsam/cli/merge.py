"""Put prepared data sets together, such as the shards of one.

``mmdbsam merge data/ct data/ct.shards/*`` makes the data set that one
``mmdbsam prepare`` of the whole source would have made. Cases that are there
twice are refused.
"""

import argparse

from mmdbsam.cli.prepare import add_split_options, print_summary, split_plan
from mmdbsam.preparation import Prepared, merge_datasets


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('dest', help='the folder to write to')
    parser.add_argument('parts', nargs='+', metavar='PART', help='the folders '
                        'of the data sets, which stay as they are')
    parser.add_argument('--name', help="the data set's name (default: the "
                        'name of DEST)')
    parser.add_argument('--overwrite', action='store_true', help='replace '
                        'another data set at DEST')
    add_split_options(parser.add_argument_group('split'))


def run(args: argparse.Namespace) -> None:
    """Merge what the command line names."""
    data = merge_datasets(args.dest, args.parts, args.name, split_plan(args),
                          args.overwrite)
    print_summary(Prepared(data, [case.name for case in data.cases], [], {}))
    print(f'{len(args.parts)} parts merged; they may be removed')
