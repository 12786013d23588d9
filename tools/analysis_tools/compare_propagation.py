"""Compare one box of a structure with a box on each of its slices.

``python tools/analysis_tools/compare_propagation.py CONFIG CHECKPOINT IMAGE
LABELS --structures liver spleen`` segments structures from the tight box on
each slice that shows them, and again from the box on their middle slice alone,
which is followed in both directions. It prints the DSC of the volumes and
their ratio.
"""

import argparse
from pathlib import Path

import numpy as np

from mmdbsam.apis import CoarseLabels, PromptInferencer, SeedBox
from mmdbsam.apis.scans import load_scan
from mmdbsam.errors import InputError, run_cli
from mmdbsam.evaluation import DSC, MaskPair
from mmdbsam.geometry.boxes import tight_boxes
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


def main() -> None:
    """Print the table."""
    args = parse_args()
    names = chosen_ids(args.labels, args.structures)
    labels = load_scan(args.labels).values
    inferencer = PromptInferencer(args.config, args.checkpoint,
                                  embedding_cache=args.embedding_cache)
    coarse = np.where(np.isin(labels, list(names)), labels, 0)
    each = inferencer.segment_volume(args.image, CoarseLabels(coarse),
                                     progress=True)
    one = inferencer.segment_volume(
        args.image, {name: middle_box(labels == i)
                     for i, name in names.items()}, progress=True)
    print('| structure | slices | DSC, box on each | DSC, one box | ratio |\n'
          '|---|---:|---:|---:|---:|')
    for number, (i, name) in enumerate(names.items()):
        mask = labels == i
        by_slice, followed = (
            DSC()(MaskPair(mask, found, (1, 1, 1))) for found in
            (each.mask(each.ids.index(i)), one.mask(number)))
        print(f'| {name} | {mask.any(axis=(1, 2)).sum()} | '
              f'{100 * by_slice:.1f} | {100 * followed:.1f} | '
              f'{followed / by_slice:.2f} |')


if __name__ == '__main__':
    run_cli(main)
