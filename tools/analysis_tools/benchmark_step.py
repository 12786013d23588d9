"""Compare the time of training steps in one run.

``python tools/analysis_tools/benchmark_step.py CONFIG ... --prompts 8 1``
times a step (forward, backward, AdamW) of each config with each number of
prompts an image, in turns, and prints the medians and their ratios to the
first config's. Images and masks are random, and no weights are loaded, because
neither matters for what is measured.
"""

import argparse
import time
from itertools import product
from pathlib import Path
from statistics import median
from typing import Callable

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.errors import InputError, run_cli
from mmdbsam.registry import MODELS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('configs', nargs='+', metavar='CONFIG')
    parser.add_argument('--batch-size', type=int, default=2)
    parser.add_argument('--prompts', type=int, nargs='+', default=[8],
                        help='numbers of prompts for each image')
    parser.add_argument('--runs', type=int, default=3,
                        help='number of timed steps, after an untimed one')
    parser.add_argument('--amp', action='store_true',
                        help='compute under bfloat16 autocast')
    return parser.parse_args()


def build_step(config: str, amp: bool) -> Callable[[int, int], float]:
    """A function that trains one step and returns its seconds.

    Its arguments are the batch size and the number of prompts.

    Raises:
        InputError: If the config does not exist.
    """
    if not Path(config).is_file():
        raise InputError(f'config {config}: no such file')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = MODELS.build(Config.fromfile(config).model).to(device).train()
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-4,
        fused=True)

    def step(batch_size: int, prompts: int) -> float:
        batch = model.data_preprocessor(random_batch(
            model.image_encoder.img_size, batch_size, prompts))
        start = time.perf_counter()
        optimizer.zero_grad()
        with torch.autocast(device, torch.bfloat16, enabled=amp):
            losses = model(**batch, mode='loss')
        sum(losses.values()).backward()
        optimizer.step()
        if device == 'cuda':
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return step


def main() -> None:
    """Print the table."""
    args = parse_args()
    init_default_scope('mmdbsam')
    steps = {config: build_step(config, args.amp) for config in args.configs}
    seconds = {case: [] for case in product(args.configs, args.prompts)}
    for _ in range(1 + args.runs):
        for config, prompts in seconds:
            seconds[config, prompts].append(
                steps[config](args.batch_size, prompts))
    print(f'batch {args.batch_size}, {torch.get_num_threads()} threads, '
          f'{"bfloat16 autocast" if args.amp else "float32"}\n')
    print('| config | prompts | s/step | ratio to the first config | '
          's per prompt |\n|---|---:|---:|---:|---:|')
    for (config, prompts), values in seconds.items():
        found = median(values[1:])
        first = median(seconds[args.configs[0], prompts][1:])
        print(f'| {Path(config).stem} | {prompts} | {found:.2f} | '
              f'{found / first:.2f} | '
              f'{found / prompts / args.batch_size:.3f} |')


if __name__ == '__main__':
    run_cli(main)
