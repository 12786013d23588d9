"""DSC and NSD of whole volumes, from the predictions of their slices."""

from collections import defaultdict
from typing import Any, Dict, List, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from mmengine.utils import track_iter_progress

from mmdbsam.datasets.prepared import PreparedData
from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore, format_table, mean_scores
from mmdbsam.evaluation.label_volume import (
    METHODS,
    LabelVolume,
    Prompt,
    Target,
    find_targets,
)
from mmdbsam.evaluation.report import (
    describe_run,
    require_free_report_dir,
    summarize,
    write_report,
)
from mmdbsam.evaluation.report.overlays import draw_best_median_worst
from mmdbsam.evaluation.report.predictions import Prompts, prompts_of
from mmdbsam.evaluation.scores import dice, normalized_surface_dice
from mmdbsam.registry import METRICS


@METRICS.register_module()
class VolumeMetric(BaseMetric):
    """DSC and NSD per label and volume, averaged over a task.

    A volume is a block: a contiguous range of a scan's slices that belongs to
    the split. A row of the evaluation is a label that has at least
    ``min_volume`` voxels in a block; its predicted volume stacks what the
    model made of the label's prompts, and is empty where there was none. The
    task's score is the unweighted mean over its rows: every label of every
    block counts once, however large. A label cut by a block's border has a
    surface there, in the reference as in the prediction.

    Predictions are collected from all ranks; a slice that was padded into
    the last batch counts once.

    Args:
        data_root: The prepared data set, which also holds the reference.
        split: The split that is evaluated; the data loader must deliver all
            of it, as a label's missing slices count as empty predictions.
        tolerance: Tolerance of the NSD in mm. 2 mm is that of the CVPR 2024
            MedSAM-on-laptop challenge; numbers published for DB-SAM used 1
            voxel instead and do not compare.
        min_volume: Voxels of a label in a block below which it is not
            scored; MedSAM's curation drops objects of under 1000 voxels.
        per_slice: Score every slice by itself, whatever its labels' sizes:
            for images in a plane.
        report_dir: Where to write a report. With it, two trivial methods are
            scored beside the model, from the same boxes; without it, as in
            the validation of a training, they are not.
        provenance: For the report, see :func:`.describe_test`.
        collect_device: 'cpu' or 'gpu', see mmengine's ``BaseMetric``.
        prefix: Prepended to the scores' names, as ``prefix/DSC``.

    Raises:
        InputError: If the data set cannot be read, if the split has no label
            of ``min_volume`` voxels, or if ``report_dir`` holds other files.
    """

    # Not None, or mmengine warns that it is missing.
    default_prefix = ''

    def __init__(self,
                 data_root: str,
                 split: str,
                 tolerance: float = 2.0,
                 min_volume: int = 1000,
                 per_slice: bool = False,
                 report_dir: Optional[str] = None,
                 provenance: Optional[Dict[str, Any]] = None,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.data = PreparedData(data_root)
        self.split = split
        self.tolerance = tolerance
        self.min_volume = min_volume
        self.report_dir = report_dir
        self.provenance = provenance or {}
        self.blocks = {(case.name, start, stop)
                       for case, start, stop in self.data.blocks(split)}
        self.per_slice = per_slice
        self.targets = find_targets(self.data, split, min_volume, per_slice)
        if not self.targets:
            raise InputError(
                f"{data_root}: expected, in split '{split}', a label with at "
                f'least min_volume={min_volume} voxels in a block of slices, '
                f'found none in {len(self.blocks)} blocks; lower min_volume '
                'or evaluate another split')
        if report_dir is not None:
            require_free_report_dir(report_dir)

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the boxes and the packed predictions of a batch.

        Args:
            data_batch: Not used.
            data_samples: The model's output as dicts, with ``case``,
                ``block``, ``slice_index``, ``prompts`` (``labels`` (K,),
                ``ori_boxes`` (K, 4)) and ``predictions`` (``masks``, bool (K,
                H, W) at the slice's original size).

        Raises:
            InputError: If a sample is not of the metric's split.
        """
        # One result a sample: mmengine cuts padding off by their number.
        self.results += map(self.pack, data_samples)

    def pack(self, sample: dict) -> dict:
        """The prompts of a sample, see :meth:`process`."""
        block = (sample['case'], *sample['block'])
        if block not in self.blocks:
            raise InputError(
                f"{self.data.root}: expected slices of split '{self.split}', "
                f'found slices {block[1]} to {block[2]} of case {block[0]}; '
                'give the metric the data root and the split of its data '
                'loader')
        prompts = sample['prompts']
        boxes = prompts['ori_boxes'].cpu().numpy()
        masks = sample['predictions']['masks'].cpu().numpy()
        return {
            (sample['case'], label_id, sample['slice_index']):
            Prompt.pack(box, mask) for label_id, box, mask in zip(
                prompts['labels'].tolist(), boxes, masks, strict=True)
        }

    def compute_metrics(self, results: List[dict]) -> Dict[str, float]:
        """Score all volumes and, if asked to, write the report.

        Args:
            results: Of each sample, its prompts.

        Returns:
            dict[str, float]: ``DSC`` and ``NSD``, and with a report also
            ``box_DSC``, ``box_NSD``, ``ellipse_DSC`` and ``ellipse_NSD``; all
            in [0, 1].
        """
        prompts: Prompts = defaultdict(dict)
        for result in results:
            for (case, label_id, index), prompt in result.items():
                prompts[case, label_id].setdefault(index, prompt)
        methods = METHODS if self.report_dir else ('model', )
        rows, shifts = [], []
        for target in track_iter_progress(self.targets):
            volume = LabelVolume(target, prompts_of(
                prompts, target.case.name, target.label_id, target.start,
                target.stop))
            rows += [self._score(target, volume, name) for name in methods]
            shifts.append(volume.box_shifts())
        if self.report_dir:
            self._report(rows, prompts, np.concatenate(shifts))
        return {
            key if method == 'model' else f'{method}_{key}': mean[key]
            for method, mean in mean_scores(rows).items()
            for key in ('DSC', 'NSD')
        }

    def _score(self, target: Target, volume: LabelVolume,
               method: str) -> CaseScore:
        reference, prediction = volume.reference, volume.predict(method)
        spacing = target.case.spacing
        return CaseScore(
            case=target.case.name,
            start=target.start,
            stop=target.stop,
            label_id=target.label_id,
            label=self.data.labels[target.label_id],
            method=method,
            voxels=target.voxels,
            volume_ml=target.voxels * float(np.prod(spacing)) / 1000,
            scores=dict(
                DSC=dice(reference, prediction),
                NSD=normalized_surface_dice(reference, prediction, spacing,
                                            self.tolerance)))

    def _report(self, rows: List[CaseScore], prompts: Prompts,
                shifts: np.ndarray) -> None:
        protocol = dict(
            split=self.split,
            tolerance_mm=self.tolerance,
            min_volume_voxels=1 if self.per_slice else self.min_volume,
            prompt='one box a label and slice',
            box_shift_px=[float(shifts.min()), float(shifts.max())]
            if shifts.size else [],
            averaging='unweighted mean over (case, slice, label)'
            if self.per_slice else
            'unweighted mean over (case, block of slices, label)')
        provenance = dict(self.provenance, data_root=str(self.data.root))
        summary = summarize(rows, self.data.name, self.data.note, protocol,
                            describe_run(provenance))
        folder = write_report(self.report_dir, rows, summary, prompts,
                              draw_best_median_worst(self.data, rows,
                                                     prompts))
        pictures = sorted(map(str, folder.glob('overlays/*.png')))
        MMLogger.get_current_instance().info('\n'.join([
            f"{self.data.name}, split '{self.split}', in percent, NSD at "
            f'{self.tolerance:g} mm', format_table(summary['scores']),
            f'Report: {folder / "index.html"}', 'Overlays:', *pictures]))
