"""Compare reports on the same volumes with the first of them.

``mmdbsam compare REPORT REPORT ... --out DIR`` prints which model is better in
which metric, by how much, and whether that may be due to chance. It writes
this, the differences of each label, and the volumes that changed most, to
comparison.md, .tex, .html and .png.
"""

import argparse
from pathlib import Path


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('first', type=Path, metavar='REPORT',
                        help='the report that the others are compared with')
    parser.add_argument('others', nargs='+', type=Path, metavar='REPORT',
                        help='the other reports')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR',
                        help='the folder to write to')
    parser.add_argument(
        '--data-root', metavar='DIR', help='the folder of the prepared data, '
        'from which pictures are drawn (default: the one of the first report)')


def run(args: argparse.Namespace) -> None:
    """Compare the reports that the command line names."""
    from mmdbsam.reports.comparison import (
        compare,
        find_data,
        model_names,
        require_same,
        score_table,
        verdict,
        write_comparison,
    )
    from mmdbsam.reports.report import read_report
    reports = [read_report(path) for path in (args.first, *args.others)]
    require_same(reports)
    data = find_data(reports, args.data_root)
    paths = write_comparison(args.out, reports, data)
    summary, table = reports[0].summary, score_table(reports)
    names = model_names(reports)
    print(f'{summary["note"]}\n\n{table.markdown()}\n\n{table.caption}\n')
    for difference in compare(reports):
        print(verdict(difference, names))
    print()
    for path in paths:
        print(path)
