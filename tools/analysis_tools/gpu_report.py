"""Check and measure everything that needs a GPU, in under eight minutes.

``python tools/analysis_tools/gpu_report.py --out work_dirs/gpu_report`` writes
``report.json`` and ``report.md`` there, again after every row. Each section
runs in a process of its own, so that one that fails or takes too long leaves a
line in the report and nothing more. All weights and images are random.

``--device cpu --quick`` runs every section on tiny shapes, each for as long as
it takes.
"""

import argparse
import importlib
import json
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Dict, List

# A process that has asked CUDA for its devices cannot be forked; NVML tells
# them too.
os.environ['PYTORCH_NVML_BASED_CUDA_CHECK'] = '1'

from gpu_sections.measuring import Settings, processes  # noqa: E402
from gpu_sections.verdicts import verdicts  # noqa: E402

from mmdbsam.errors import InputError, run_cli  # noqa: E402
from mmdbsam.io.atomic import write_text  # noqa: E402

# The seconds that each section may take at most, in the order of their worth.
SECTIONS = {'machine': 30, 'kernels': 60, 'training': 70, 'encoders': 50,
            'running': 35, 'deformable': 30, 'parity': 60, 'attention': 60,
            'volumes': 40, 'compiled': 60, 'onnx_encoder': 30}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default='work_dirs/gpu_report',
                        metavar='DIR')
    parser.add_argument('--sections', default=','.join(SECTIONS),
                        help='what to measure (default: %(default)s)')
    parser.add_argument('--budget', type=float, default=460,
                        metavar='SECONDS', help='the time that all sections '
                        'may take (default: %(default)s)')
    parser.add_argument('--device', choices=('cuda', 'cpu'), default='cuda')
    parser.add_argument('--quick', action='store_true',
                        help='use tiny shapes, to see that everything runs')
    return parser.parse_args()


def child(name: str, settings: Settings, pipe: Connection) -> None:
    """Send a section's rows through a pipe."""
    try:
        module = importlib.import_module(f'gpu_sections.{name}')
        for row in module.run(settings):
            pipe.send(row)
    except Exception as error:
        text = ' '.join(str(error).split())[:500]
        pipe.send({'error': f'{type(error).__name__}: {text}'})


class Report:
    """The rows so far, in two files.

    Args:
        folder: The folder of the files.
        about: What the report says of itself.
    """

    def __init__(self, folder: Path, about: Dict[str, Any]) -> None:
        self.folder = folder
        self.about = about
        self.sections: Dict[str, List[dict]] = {}
        self.seconds: Dict[str, float] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(self) -> None:
        """Write both files."""
        judged = verdicts(self.sections)
        write_text(self.folder / 'report.json', json.dumps(
            {**self.about, 'verdicts': judged, 'seconds': self.seconds,
             'sections': self.sections}, indent=1))
        parts = ['# What was measured on this GPU', table(judged)]
        for name, rows in self.sections.items():
            parts += [f'## {name}, {self.seconds.get(name, 0):.0f} s',
                      table(rows)]
        write_text(self.folder / 'report.md', '\n\n'.join(parts) + '\n')


def table(rows: List[dict]) -> str:
    """The rows as a table of Markdown, with a column for each key."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [columns, ['---'] * len(columns)]
    lines += [[cell(row.get(column)) for column in columns] for row in rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)


def cell(value: Any) -> str:
    """A value in a table."""
    if isinstance(value, float):
        return f'{value:.4g}'
    return '' if value is None else str(value).replace('|', '/')


def measure(name: str, settings: Settings, report: Report) -> None:
    """Run a section in a process of its own, row after row."""
    start = time.monotonic()
    rows = report.sections.setdefault(name, [])
    receiver, sender = multiprocessing.Pipe(duplex=False)
    process = processes().Process(
        target=child, args=(name, settings, sender))
    process.start()
    sender.close()
    try:
        # A section notices the end by itself, except in a long row.
        while receiver.poll(max(1., settings.left + 10)):
            rows.append(receiver.recv())
            print(f'{name}: ' + ', '.join(
                f'{key} {cell(value)}' for key, value in rows[-1].items()),
                flush=True)
            report.seconds[name] = time.monotonic() - start
            report.write()
        rows.append({'error': 'the section took too long'})
        process.kill()
    except EOFError:
        process.join()
        if process.exitcode:
            rows.append({'error': f'the process ended with {process.exitcode}'
                         })
    process.join()
    report.seconds[name] = time.monotonic() - start
    report.write()


def main() -> None:
    """Run the sections, and print the verdicts."""
    args = parse_args()
    names = args.sections.split(',')
    unknown = set(names) - set(SECTIONS)
    if unknown:
        raise InputError(f'--sections: expected some of {list(SECTIONS)}, '
                         f'found {sorted(unknown)}')
    end = time.monotonic() + args.budget
    if args.device == 'cpu':
        os.environ['TRITON_INTERPRET'] = '1'
    # What most sections need is imported once, before they are forked.
    importlib.import_module('mmdbsam.apis')
    report = Report(args.out, {'device': args.device, 'quick': args.quick})
    for name in names:
        limit = end if args.quick else min(
            end, time.monotonic() + SECTIONS[name])
        settings = Settings(args.device, args.quick, limit)
        if settings.left < 5:
            report.sections[name] = [{'error': 'no time was left for it'}]
            continue
        measure(name, settings, report)
    report.write()
    print(table(verdicts(report.sections)))
    print(f'{args.out}/report.md, {args.out}/report.json')


if __name__ == '__main__':
    run_cli(main)
