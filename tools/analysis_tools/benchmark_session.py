"""Time the answers of a session to clicks.

``python tools/analysis_tools/benchmark_session.py CONFIG CHECKPOINT IMAGE``
opens a volume, prompts its middle slice with a box, and corrects the mask with
clicks at random, each of which is undone. It prints how long each answer
takes. Beside the time on the wall, the time of all threads on their processors
is printed, which other work on the machine hardly changes. CHECKPOINT may be
``none`` for a model whose weights come with mmdbsam.
"""

import argparse
import time
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import Dict, List, Tuple

import numpy as np
import torch

from mmdbsam.apis import (
    PromptInferencer,
    PropagationRule,
    SeedBox,
    SeedPoint,
    VolumeSession,
)
from mmdbsam.errors import run_cli

# What happens, and the seconds on the wall and on the processors.
Times = Dict[str, List[Tuple[float, float]]]
# An object that is neither lost nor refused, whatever the model says.
_ALWAYS = PropagationRule(min_area=1, min_iou=0, min_overlap=0,
                          max_grey_change=255)


def parse_args() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config')
    parser.add_argument('checkpoint')
    parser.add_argument('image', help='a volume')
    parser.add_argument('--clicks', type=int, default=20)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def timed(times: Times, what: str, action: Callable) -> None:
    """Do something, and note its times."""
    wall, processors = time.perf_counter(), time.process_time()
    action()
    times.setdefault(what, []).append((time.perf_counter() - wall,
                                       time.process_time() - processors))


def play(session: VolumeSession, clicks: int) -> Times:
    """Prompt an object with a box, and correct it with clicks."""
    times: Times = {}
    sizes = [session.scan.geometry['size'][axis] for axis in sorted(
        session.plane.axes[:2])]
    z = session.scan.geometry['size'][session.plane.axes[2]] // 2
    low, high = np.array(sizes) // 3, np.array(sizes) * 2 // 3
    one = session.add_object()
    box = SeedBox(z, [*low.tolist(), *high.tolist()])
    for what in ('box on a slice that is not encoded', 'box'):
        timed(times, what, partial(session.answer, one, box))
    # It encodes the slice beside.
    next(session.follow(one, z), None)
    rng = np.random.default_rng(0)
    for _ in range(clicks):
        click = SeedPoint(z, rng.integers(low, high + 1).tolist(),
                          [int(rng.integers(2))])
        timed(times, 'click', partial(session.answer, one, click))
        timed(times, 'undo', session.undo)
        timed(times, 'first slice that follows from the box',
              partial(next, session.follow(one, z), None))
    return times


def main() -> None:
    """Print the table."""
    args = parse_args()
    torch.set_num_threads(args.threads)
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    session = PromptInferencer(args.config, checkpoint, args.device
                               ).open_volume(args.image, propagation=_ALWAYS)
    times = play(session, args.clicks)
    print(f'{args.config}, {args.threads} threads, slices of '
          f'{" x ".join(map(str, session.slices.shape))}\n'
          '| answer to | times | median, s | slowest, s | on processors, s |\n'
          '|---|---:|---:|---:|---:|')
    for what, seconds in times.items():
        walls, processors = zip(*seconds, strict=True)
        print(f'| {what} | {len(seconds)} | {median(walls):.3f} | '
              f'{max(walls):.3f} | {median(processors):.3f} |')


if __name__ == '__main__':
    run_cli(main)
