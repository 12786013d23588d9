"""Plot what trainings logged, or say how long their steps take.

``python tools/analysis_tools/analyze_logs.py plot_curve LOG --keys loss``
plots, and ``... cal_train_time LOG`` prints. A LOG is the
vis_data/scalars.json of a run, or a work directory, whose resumed runs are
joined.
"""

import argparse
from itertools import product
from pathlib import Path

import numpy as np

from mmdbsam.engine.run_scalars import curve, logged_keys, read_scalars
from mmdbsam.errors import InputError, run_cli
from mmdbsam.visualization.curves import Panel, draw_curves


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest='task', required=True)
    plot = commands.add_parser('plot_curve', help='draw logged values')
    times = commands.add_parser('cal_train_time',
                                help='average time of the training steps')
    for command in (plot, times):
        command.add_argument('json_logs', nargs='+', metavar='LOG')
    plot.add_argument('--keys', nargs='+', default=['loss'], help='names of '
                      'logged values, as DSC (default: %(default)s)')
    plot.add_argument('--title', default='')
    plot.add_argument('--legend', nargs='+', help='a name for each key of '
                      'the first log, then of the second, and so on; '
                      'default: LOG: KEY')
    plot.add_argument('--out', type=Path, default=Path('curves.png'),
                      help='the picture, as PNG, PDF or SVG '
                      '(default: %(default)s)')
    times.add_argument('--include-outliers', action='store_true',
                       help='count the first value of each epoch too')
    return parser.parse_args()


def plot_curve(args: argparse.Namespace) -> None:
    """Draw the keys of all logs, with iterations above epochs.

    Raises:
        InputError: If a log does not have a key, or there are more or fewer
            names than curves.
    """
    wanted = list(product(args.json_logs, args.keys))
    legend = args.legend or [f'{log}: {key}' for log, key in wanted]
    if len(legend) != len(wanted):
        raise InputError(f'--legend: expected {len(wanted)} names, one for '
                         f'each log and key, found {len(legend)}')
    rows = {log: read_scalars(log) for log in args.json_logs}
    panels: dict[str, list] = {}
    for (log, key), name in zip(wanted, legend, strict=True):
        if key not in (known := logged_keys(rows[log])):
            raise InputError(f"--keys: expected values that {log} has, "
                             f"{', '.join(known)}, found '{key}'")
        drawn = curve(rows[log], key, name)
        panels.setdefault(drawn.unit, []).append((key, drawn))
    draw_curves([Panel(', '.join(dict.fromkeys(key for key, _ in curves)),
                       [drawn for _, drawn in curves],
                       noisy=all('loss' in key for key, _ in curves))
                 for _, curves in sorted(panels.items(), reverse=True)],
                args.title, args.out)
    print(args.out)


def cal_train_time(args: argparse.Namespace) -> None:
    """Print the mean time of a step, and the slowest and fastest epoch.

    Raises:
        InputError: If a log does not hold times of training steps.
    """
    for log in args.json_logs:
        epochs: dict[int, list[float]] = {}
        for row in read_scalars(log):
            if 'iter' in row and 'time' in row:
                epochs.setdefault(row.get('epoch', 1), []).append(row['time'])
        if not epochs:
            raise InputError(f"{log}: expected training steps with a 'time', "
                             'found none')
        if not args.include_outliers:
            # The data loader starts in the first steps of an epoch.
            epochs = {epoch: times[1:] or times
                      for epoch, times in epochs.items()}
        means = {epoch: np.mean(times) for epoch, times in epochs.items()}
        slowest = max(means, key=means.get)
        fastest = min(means, key=means.get)
        print(f'-----Analyze train time of {log}-----\n'
              f'slowest epoch {slowest}, average time is '
              f'{means[slowest]:.4f} s/iter\n'
              f'fastest epoch {fastest}, average time is '
              f'{means[fastest]:.4f} s/iter\n'
              f'time std over epochs is {np.std(list(means.values())):.4f}\n'
              'average iter time: '
              f'{np.mean(np.concatenate(list(epochs.values()))):.4f} s/iter')


def main() -> None:
    """Do what the command line says."""
    args = parse_args()
    dict(plot_curve=plot_curve, cal_train_time=cal_train_time)[
        args.task](args)


if __name__ == '__main__':
    run_cli(main)
