"""Compare time and memory with freed memory handed back, and kept.

``python tools/analysis_tools/benchmark_allocator.py CONFIG [CONFIG ...]``
runs steps of training and of testing, and inference on an image of 512 px, of
each config in processes of their own, once as glibc is by default and once as
the commands of mmdbsam set it (``mmdbsam/cli/allocator.py``), in turns, and
prints the medians. Other allocators can be compared, such as ``--preload
libjemalloc.so.2``. The images are random, and no weights are loaded.
"""

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
import torch
from mmengine.registry import init_default_scope

from mmdbsam.apis import PromptInferencer
from mmdbsam.cli.allocator import keep_freed_memory
from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.engine.memory import peak_memory
from mmdbsam.engine.random_batch import random_batch
from mmdbsam.errors import run_cli
from mmdbsam.models import PromptSegmentor
from mmdbsam.registry import MODELS

SIDE = 512
HANDED_BACK, KEPT = 'handed back', 'kept'


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+')
    parser.add_argument('--work', nargs='+', choices=STEPS, default=STEPS,
                        help='what is measured (default: all)')
    parser.add_argument('--steps', type=int, default=5,
                        help='the number of steps in a process, after one '
                        'that is not timed')
    parser.add_argument('--turns', type=int, default=2,
                        help='the number of processes of each kind')
    parser.add_argument('--prompts', type=int, default=8,
                        help='the number of prompts of the image')
    parser.add_argument('--preload', nargs='+', default=[], metavar='LIBRARY',
                        help='allocators to compare, as paths of libraries')
    # A process that measures one config.
    parser.add_argument('--child', choices=STEPS, help=argparse.SUPPRESS)
    parser.add_argument('--keep', action='store_true', help=argparse.SUPPRESS)
    add_runner_arguments(parser)
    return parser.parse_args()


def measure(args: argparse.Namespace) -> dict:
    """Run the steps; the seconds of one, and the peak memory in bytes."""
    args.config, = args.configs
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    model = MODELS.build(cfg.model).train(args.child == 'train')
    model.cfg = cfg
    step = STEPS[args.child](model, args.prompts)
    times = []
    for _ in range(1 + args.steps):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return dict(seconds=median(times[1:]), peak=peak_memory())


def training(model: PromptSegmentor, prompts: int) -> Callable[[], None]:
    """A step that trains on one image."""
    batch = model.data_preprocessor(
        random_batch(model.image_encoder.img_size, 1, prompts))
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-4)

    def step() -> None:
        optimizer.zero_grad()
        sum(model(**batch, mode='loss').values()).backward()
        optimizer.step()
    return step


def testing(model: PromptSegmentor, prompts: int) -> Callable[[], None]:
    """A step that predicts the masks of one image."""
    batch = random_batch(model.image_encoder.img_size, 1, prompts)

    def step() -> None:
        with torch.inference_mode():
            model.test_step(batch)
    return step


def inference(model: PromptSegmentor, prompts: int) -> Callable[[], None]:
    """A step that segments an image from boxes."""
    inferencer = PromptInferencer(model)
    image = np.random.randint(0, 256, (SIDE, SIDE), dtype=np.uint8)
    corners = np.random.randint(0, SIDE // 2, (prompts, 2))
    boxes = np.concatenate([corners, corners + SIDE // 3], axis=1)

    def step() -> None:
        inferencer(image, boxes=boxes)
    return step


STEPS = dict(train=training, test=testing, infer=inference)


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
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE,
                          text=True, env=env)
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
