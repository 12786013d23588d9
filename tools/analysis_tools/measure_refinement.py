"""Measure what mmdbsam infer --then-refine gains on a prepared data set.

``python tools/analysis_tools/measure_refinement.py CONFIG CHECKPOINT DATA_ROOT
--split val --out DIR`` segments the split's blocks of slices without prompts,
and gives the boxes of the masks to the promptable model that the config names
as refiner. It writes the report of both to DIR/automatic and DIR/refined;
``mmdbsam compare DIR/automatic DIR/refined --out DIR/comparison`` says by how
much they differ, with patients as the unit.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from mmengine.config import Config

from mmdbsam.apis import PromptInferencer, SemanticInferencer, VolumeResult
from mmdbsam.apis.refining_inferencer import RefiningInferencer
from mmdbsam.engine.config import load_named
from mmdbsam.errors import run_cli
from mmdbsam.evaluation import SemanticVolumeMetric
from mmdbsam.io.prepared import PreparedCase
from mmdbsam.reports.report import require_free_reports, write_reports


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', help='path of a config without prompts, or '
                        'its name in the model zoo')
    parser.add_argument('checkpoint')
    parser.add_argument('data_root')
    parser.add_argument('--refiner-checkpoint', metavar='CHECKPOINT',
                        help='the checkpoint of the promptable model '
                        '(default: the one that infer takes for it)')
    parser.add_argument('--split', default='test')
    parser.add_argument('--min-volume', type=int, default=1000, metavar='N',
                        help='the least number of voxels of a label in a '
                        'block (default: %(default)s)')
    parser.add_argument('--out', type=Path, required=True, metavar='DIR')
    return parser.parse_args()


def evaluate(metric: SemanticVolumeMetric,
             segment: Callable[[PreparedCase, int, int], VolumeResult]
             ) -> dict[str, float]:
    """Score what a function finds in each block of slices."""
    count = 0
    for case, start, stop in metric.data.blocks(metric.split):
        labels = segment(case, start, stop).labels
        for offset, classes in enumerate(labels):
            metric.process(None, [dict(
                case=case.name, block=(start, stop),
                slice_index=start + offset, ori_shape=classes.shape,
                pred_sem_seg=dict(data=torch.from_numpy(classes)))])
        count += len(labels)
    return metric.evaluate(count)


def main() -> None:
    """Write both reports, and print their scores."""
    args = parse_args()
    cfg: Config = load_named(args.config)
    automatic = SemanticInferencer(cfg, args.checkpoint)
    refining = RefiningInferencer(automatic, PromptInferencer(
        cfg.refiner, args.refiner_checkpoint))
    for name, inferencer in (('automatic', automatic), ('refined', refining)):
        metric = SemanticVolumeMetric(
            args.data_root, args.split, automatic.classes,
            min_volume=args.min_volume)
        require_free_reports(metric, args.out / name)

        def segment(case: PreparedCase, start: int, stop: int,
                    inferencer: SemanticInferencer | RefiningInferencer
                    = inferencer) -> VolumeResult:
            return inferencer.segment_volume(
                case.image()[start:stop], spacing=case.spacing[::-1],
                largest_component=True, progress=True)

        scores = evaluate(metric, segment)
        write_reports(metric, args.out / name, dict(
            config=name, of=args.config, checkpoint=args.checkpoint))
        print(f'{name}: ' + ', '.join(f'{key} {value:.4f}'
                                      for key, value in scores.items()))


if __name__ == '__main__':
    run_cli(main)
