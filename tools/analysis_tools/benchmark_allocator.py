"""Compare time and memory with freed memory handed back, and kept.

``python tools/analysis_tools/benchmark_allocator.py CONFIG [CONFIG ...]``
runs training steps and encodings of each config in processes of their own,
once as glibc is by default and once as the commands of mmdbsam set it
(``mmdbsam/cli/allocator.py``), in turns, and prints the medians. Other
allocators can be compared, such as ``--preload libjemalloc.so.2``. The images
are random, and no weights are loaded.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

import torch
from mmengine.registry import init_default_scope

from mmdbsam.cli.allocator import keep_freed_memory
from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.engine.memory import peak_memory
from mmdbsam.engine.random_batch import random_batch
from mmdbsam.errors import run_cli
from mmdbsam.registry import MODELS

WORK = ('train', 'encode')
HANDED_BACK, KEPT = 'handed back', 'kept'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--work', nargs='+', choices=WORK, default=WORK,
                        help='what is measured (default: all)')
    parser.add_argument('--steps', type=int, default=5,
                        help='the number of steps in a process, after two '
                        'that are not timed')
    parser.add_argument('--turns', type=int, default=2,
                        help='the number of processes of each kind')
    parser.add_argument('--prompts', type=int, default=8,
                        help='the number of prompts of the image')
    parser.add_argument('--preload', nargs='+', default=[], metavar='LIBRARY',
                        help='allocators to compare, as paths of libraries')
    # A process that measures one config.
    parser.add_argument('--child', choices=WORK, help=argparse.SUPPRESS)
    parser.add_argument('--keep', action='store_true', help=argparse.SUPPRESS)
    add_runner_arguments(parser)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> dict:
    """Run the steps; the seconds of one, and the peak memory in bytes."""
    args.config, = args.configs
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    model = MODELS.build(cfg.model).train(args.child == 'train')
    size = model.image_encoder.img_size
    batch = model.data_preprocessor(random_batch(size, 1, args.prompts))
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-4)

    def step() -> None:
        if args.child == 'train':
            optimizer.zero_grad()
            sum(model(**batch, mode='loss').values()).backward()
            optimizer.step()
        else:
            with torch.inference_mode():
                model.encode_image(batch['inputs'])

    times = []
    for _ in range(2 + args.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return dict(seconds=median(times[2:]), peak=peak_memory())


def run_child(args: argparse.Namespace, config: str, work: str,
              allocator: str) -> dict:
    """Measure in a process of its own, with glibc or a preloaded allocator."""
    words = [sys.executable, str(Path(__file__).resolve()), config, '--child',
             work, '--steps', str(args.steps), '--prompts', str(args.prompts)]
    env = dict(os.environ)
    if allocator == KEPT:
        words.append('--keep')
    elif allocator != HANDED_BACK:
        env['LD_PRELOAD'] = allocator
    done = subprocess.run(words, check=True, capture_output=True, text=True,
                          env=env)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Print the table, or in a child what it measured."""
    args = parse_args()
    if args.child:
        if args.keep and not keep_freed_memory():
            sys.exit('expected glibc, found another C library or allocator')
        print(json.dumps(measure(args)))
        return
    print('| config | work | freed memory | s | ratio | peak (GB) |\n'
          '|---|---|---|---:|---:|---:|')
    for config in args.configs:
        for work in args.work:
            found: dict = {name: [] for name in (HANDED_BACK, KEPT,
                                                 *args.preload)}
            for _ in range(args.turns):
                for allocator, runs in found.items():
                    runs.append(run_child(args, config, work, allocator))
            print_rows(config, work, found)


def print_rows(config: str, work: str, found: dict) -> None:
    """Print a row for each allocator."""
    seconds = {name: median(one['seconds'] for one in runs)
               for name, runs in found.items()}
    for name, runs in found.items():
        peak = max(one['peak'] for one in runs) / 1e9
        print(f'| {Path(config).stem} | {work} | {Path(name).name} | '
              f'{seconds[name]:.2f} | '
              f'{seconds[HANDED_BACK] / seconds[name]:.2f} | {peak:.2f} |',
              flush=True)


if __name__ == '__main__':
    run_cli(main)
