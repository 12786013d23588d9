"""Measure how large prepared data sets open, and what a step waits for data.

``python tools/analysis_tools/benchmark_index.py FOLDER --slices 400000
1500000`` makes synthetic data sets in FOLDER, unless they are there, with 20
slices a case and 12 labels in the data set. For each, it prints how long
making the index, opening the set from it, and drawing an epoch's first sample
take; how much memory one process has then, and how much each of two loader
workers adds; how large the index is; and how long a sample takes to load,
which is what a step waits for without workers. All cases link one image, so
that the figures are of the index and not of the disk.
"""

import argparse
import json
import multiprocessing
import os
import time
from pathlib import Path

import numpy as np

from mmdbsam.datasets import EpochKeyedSampler, PromptSliceDataset
from mmdbsam.errors import run_cli
from mmdbsam.io.prepared import FORMAT_VERSION, PreparedData
from mmdbsam.io.prepared_index import FILE

DEPTH, SIDE, LABELS, OWN = 20, 64, 12, 6
PIPELINE = [
    dict(type='LoadSlice'),
    dict(type='BoxPromptsFromMask', prompts_per_image=4, min_area=1),
    dict(type='RandomFlip', prob=0.5),
    dict(type='ResizeLongestSide', size=256),
    dict(type='PackPromptSample'),
]


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--slices', type=int, nargs='+',
                        default=[20_000, 400_000, 1_500_000])
    parser.add_argument('--samples', type=int, default=200, help='the number '
                        'of samples whose loading is timed')
    return parser.parse_args()


def make_set(root: Path, slices: int) -> None:
    """Write a data set of ``slices`` slices, of which a tenth is 'val'."""
    if (root / 'dataset.json').is_file():
        return
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    label = np.kron(rng.integers(0, OWN + 1, (1, DEPTH, 8, 8)),
                    np.ones((SIDE // 8, SIDE // 8))).astype(np.uint8)
    shared = dict(image=rng.integers(0, 256, (DEPTH, SIDE, SIDE), np.uint8),
                  label=label, areas=np.stack([
                      [(plane == i).sum() for i in range(1, OWN + 1)]
                      for plane in label[0]]).astype(np.int32))
    for name, array in shared.items():
        np.save(root / f'.{name}.npy', array)
    cases = []
    for number in range(slices // DEPTH):
        name = f'case_{number:06}'
        (root / name).mkdir(exist_ok=True)
        for array in shared:
            link = root / name / f'{array}.npy'
            if not link.exists():
                # A file has a limited number of hard links.
                link.symlink_to(f'../.{array}.npy')
        cases.append(dict(
            name=name, checksum=f'{number:064x}', shape=[DEPTH, SIDE, SIDE],
            geometry=dict(size=[SIDE, SIDE, DEPTH], spacing=[0.8, 0.8, 2.5],
                          origin=[0., 0., float(number)],
                          direction=[1., 0., 0., 0., 1., 0., 0., 0., 1.]),
            modality='CT', windows=[dict(level=40., width=400.)],
            labels=list(range(1, OWN + 1)), dropped={}, split=None,
            group=f'patient {number // 2}',
            source=dict(image=f'images/{name}.nii.gz',
                        labels=[f'labels/{name}.nii.gz'], orientation='RAS'),
            splits={'val' if number % 10 == 0 else 'train': [[0, DEPTH]]}))
    (root / 'dataset.json').write_text(json.dumps(dict(
        format=FORMAT_VERSION, name=root.name, note='', cases=cases,
        labels={str(i): f'label {i}' for i in range(1, LABELS + 1)}),
        indent=1))


def memory(kind: str, process: str = 'self') -> float:
    """The megabytes of a process that are its own, or are shared.

    Args:
        kind: A line of Linux's ``smaps_rollup``, such as 'Private_Dirty'.
        process: The process's id.
    """
    with open(f'/proc/{process}/smaps_rollup', encoding='ascii') as stream:
        return sum(int(line.split()[1]) for line in stream
                   if line.startswith(kind)) / 1024


def _hold(dataset: PromptSliceDataset, ready: object, done: object) -> None:
    """Load a sample, as a loader's worker does, and wait."""
    _ = dataset[len(dataset) // 2]
    ready.put(memory('Private'))
    done.wait()


def measure(root: Path, samples: int) -> list[str]:
    """The cells of a data set's row."""
    clock = time.thread_time
    times = []
    for path in (root / FILE, None):
        if path:
            path.unlink(missing_ok=True)
        start = clock()
        PreparedData(str(root))
        times.append(clock() - start)
    before = memory('Private')
    start = clock()
    dataset = PromptSliceDataset(str(root), 'train', PIPELINE, 1)
    times.append(clock() - start)
    start = clock()
    sampler = EpochKeyedSampler(dataset, shuffle=True, seed=0)
    keys = iter(sampler)
    _ = dataset[next(keys)]
    times.append(clock() - start)
    own = memory('Private') - before
    context = multiprocessing.get_context('fork')
    ready, done = context.Queue(), context.Event()
    workers = [context.Process(target=_hold, args=(dataset, ready, done))
               for _ in range(2)]
    for worker in workers:
        worker.start()
    of_workers = [ready.get() for _ in workers]
    done.set()
    for worker in workers:
        worker.join()
    start = clock()
    for _ in range(samples):
        _ = dataset[next(keys)]
    loading = (clock() - start) / samples
    made, opened, listed, first = times
    return [f'{len(PreparedData(str(root)).cases):,}', f'{len(dataset):,}',
            f'{made:.1f}', f'{opened:.3f}', f'{listed:.3f}', f'{first:.3f}',
            f'{(root / FILE).stat().st_size / 1e6:.0f}', f'{own:.0f}',
            f'{np.mean(of_workers):.0f}', f'{1000 * loading:.2f}']


def main() -> None:
    """Print the table."""
    args = parse_args()
    print('| cases | training slices | making the index, s | opening, s | '
          'listing the slices, s | first sample of an epoch, s | index, MB | '
          'memory of a process, MB | own memory of a worker, MB | loading a '
          'sample, ms |\n' + '|---:' * 10 + '|')
    for slices in args.slices:
        root = args.folder / f'slices_{slices}'
        make_set(root, slices)
        # A process of its own, as memory that is freed stays with a process.
        child = os.fork()
        if not child:
            print('| ' + ' | '.join(measure(root, args.samples)) + ' |',
                  flush=True)
            os._exit(0)
        os.waitpid(child, 0)


if __name__ == '__main__':
    run_cli(main)
