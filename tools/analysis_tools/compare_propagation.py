"""Compare one box of a structure with a box on each of its slices.

``python tools/analysis_tools/compare_propagation.py CONFIG CHECKPOINT IMAGE
LABELS --structures liver spleen`` segments structures from the tight box on
each slice that shows them; from the box on their middle slice alone, which is
followed in both directions; and from the tight 3-D box, within which they are
followed. It prints the DSC of the volumes, their ratios to the first, and the
number of slices with a mask but without the structure. CHECKPOINT may be
``none`` for a model whose weights come with mmdbsam.
"""

import argparse
from pathlib import Path

import numpy as np

from mmdbsam.apis import (
    CoarseLabels,
    PromptInferencer,
    SeedBox,
    VolumeBox,
    VolumeResult,
)
from mmdbsam.apis.scans import load_scan
from mmdbsam.errors import InputError, run_cli
from mmdbsam.evaluation import DSC, MaskPair
from mmdbsam.geometry.boxes import bounding_box, tight_boxes
from mmdbsam.preparation.label_names import read_label_names


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config, or its name '
                        'in the model zoo')
    parser.add_argument('checkpoint')
    parser.add_argument('image')
    parser.add_argument('labels', help='label volume on the grid of the '
                        'image, with axial slices; labels.csv in the folder '
                        'above it has the names')
    parser.add_argument('--structures', nargs='+', required=True,
                        metavar='NAME')
    parser.add_argument('--margin', type=int, default=0, metavar='VOXELS',
                        help='move the sides of the 3-D box outwards by this '
                        '(default: %(default)s)')
    parser.add_argument('--embedding-cache', metavar='DIR',
                        help='keep the embeddings in this folder')
    return parser.parse_args()


def chosen_ids(labels_file: str, structures: list[str]) -> dict[int, str]:
    """The ids of structures, with their names.

    Raises:
        InputError: If a structure is not named beside the labels.
    """
    folder = Path(labels_file).parents[1]
    ids = {name: i for i, name in read_label_names(folder).items()}
    unknown = set(structures) - ids.keys()
    if unknown:
        raise InputError(f'--structures: expected names of {folder}, found '
                         f'{", ".join(sorted(unknown))}')
    return {ids[name]: name for name in structures}


def middle_box(mask: np.ndarray) -> SeedBox:
    """The tight box on the middle one of a mask's slices."""
    shown = np.flatnonzero(mask.any(axis=(1, 2)))
    z = int(shown[len(shown) // 2])
    return SeedBox(z, tight_boxes(mask[z][None])[0])


def volume_box(mask: np.ndarray, margin: int) -> VolumeBox:
    """The 3-D box around a mask, with a margin as far as there is room."""
    where = bounding_box(mask)[::-1]
    last = np.array(mask.shape[::-1]) - 1
    low = np.maximum([part.start - margin for part in where], 0)
    high = np.minimum([part.stop - 1 + margin for part in where], last)
    return VolumeBox([*low.tolist(), *high.tolist()])


def row(name: str, mask: np.ndarray, found: list[np.ndarray]) -> str:
    """A row of the table, from the masks of the three kinds of prompts."""
    each, *others = (DSC()(MaskPair(mask, one, (1, 1, 1))) for one in found)
    cells = [name, str(mask.any(axis=(1, 2)).sum()), f'{100 * each:.1f}']
    for dsc, one in zip(others, found[1:], strict=True):
        outside = one.any(axis=(1, 2)) & ~mask.any(axis=(1, 2))
        cells += [f'{100 * dsc:.1f}', f'{dsc / each:.2f}', str(outside.sum())]
    return f'| {" | ".join(cells)} |'


def main() -> None:
    """Print the table."""
    args = parse_args()
    names = chosen_ids(args.labels, args.structures)
    labels = load_scan(args.labels).values
    checkpoint = None if args.checkpoint == 'none' else args.checkpoint
    inferencer = PromptInferencer(args.config, checkpoint,
                                  embedding_cache=args.embedding_cache)
    coarse = np.where(np.isin(labels, list(names)), labels, 0)

    def segment(prompts: CoarseLabels | dict) -> VolumeResult:
        return inferencer.segment_volume(args.image, prompts, progress=True)

    each = segment(CoarseLabels(coarse))
    one = segment({name: middle_box(labels == i)
                   for i, name in names.items()})
    within = segment({name: volume_box(labels == i, args.margin)
                      for i, name in names.items()})
    print('| structure | slices | each | one box | ratio | outside | 3-D box '
          '| ratio | outside |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|')
    for number, (i, name) in enumerate(names.items()):
        print(row(name, labels == i, [each.mask(each.ids.index(i)),
                                      one.mask(number), within.mask(number)]))


if __name__ == '__main__':
    run_cli(main)
