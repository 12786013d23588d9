"""Compare the time of ten structures of a volume with that of one.

``python tools/analysis_tools/benchmark_volume.py CONFIG CHECKPOINT IMAGE
LABELS`` takes the slices of a volume that show the most labels. There it
segments, in turns, the structure that most of these slices show, and the ten
largest structures, each from one 3-D box. It prints the times and their ratio.
"""

import argparse
import time

import numpy as np
import torch
from rich.progress import track

from mmdbsam.apis import PromptInferencer, VolumeBox
from mmdbsam.apis.scans import load_scan
from mmdbsam.errors import InputError, run_cli


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config, or its name '
                        'in the model zoo')
    parser.add_argument('checkpoint')
    parser.add_argument('image')
    parser.add_argument('labels', help='label volume on the grid of the '
                        'image, with axial slices')
    parser.add_argument('--slices', type=int, default=8)
    parser.add_argument('--structures', type=int, default=10)
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--amp', action='store_true')
    return parser.parse_args()


def busiest(labels: np.ndarray, slices: int) -> slice:
    """The contiguous slices of (D, H, W) with the most labels in total."""
    counts = [np.unique(one).size for one in labels]
    sums = np.convolve(counts, np.ones(slices), 'valid')
    return slice(int(sums.argmax()), int(sums.argmax()) + slices)


def boxes_of(labels: np.ndarray) -> list[VolumeBox]:
    """The 3-D boxes: first those on the most slices, then the largest."""
    order = {}
    for i in np.unique(labels)[1:]:
        places = np.argwhere(labels == i)[:, ::-1]
        low, high = places.min(axis=0), places.max(axis=0)
        order[high[2] - low[2], len(places), i] = VolumeBox([*low, *high])
    return [order[key] for key in sorted(order, reverse=True)]


def main() -> None:
    """Print the table."""
    args = parse_args()
    inferencer = PromptInferencer(args.config, args.checkpoint, amp=args.amp)
    labels = load_scan(args.labels).values
    where = busiest(labels, args.slices)
    boxes = boxes_of(labels[where])[:args.structures]
    if len(boxes) < args.structures:
        raise InputError(f'{args.labels}: expected {args.structures} labels '
                         f'in {args.slices} slices, found {len(boxes)}')
    volume = load_scan(args.image).values[where]
    tasks = {1: boxes[:1], len(boxes): boxes}
    times = {number: [] for number in tasks}
    inferencer.segment_volume(volume[:1], VolumeBox([0, 0, 0, 9, 9, 0]))
    for _ in track(range(args.repeats), 'segmenting'):
        for number, prompts in tasks.items():
            start = time.perf_counter()
            inferencer.segment_volume(volume, prompts)
            times[number].append(time.perf_counter() - start)
    best = {number: min(found) for number, found in times.items()}
    print(f'{args.slices} slices, {inferencer.model.device}, '
          f'{torch.get_num_threads()} threads\n\n'
          '| structures | s | ratio |\n|---:|---:|---:|')
    for number, seconds in best.items():
        print(f'| {number} | {seconds:.2f} | {seconds / best[1]:.2f} |')


if __name__ == '__main__':
    run_cli(main)
