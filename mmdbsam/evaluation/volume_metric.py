"""Scores of whole volumes, from the predictions of their slices."""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.evaluator import BaseMetric
from mmengine.utils import track_iter_progress

from mmdbsam.errors import InputError
from mmdbsam.evaluation.case_score import CaseScore, mean_scores
from mmdbsam.evaluation.label_volume import (
    METHODS,
    LabelVolume,
    Target,
    find_targets,
)
from mmdbsam.evaluation.predictions import Predictions, PromptedMask
from mmdbsam.evaluation.protocols import find_protocol
from mmdbsam.evaluation.volume_scores import score_volume
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import METRICS, SCORES
from mmdbsam.structures.packed_mask import PackedMask

# Each needs the memory of a few distance maps of what it scores.
_MAX_THREADS = 8


@dataclass(frozen=True)
class Evaluation:
    """What a metric found out, for reports.

    Attributes:
        data: The data set.
        protocol: How the rows were made, as reports state it.
        rows: The scores of all methods.
        predictions: What the model made of which prompts.
    """

    data: PreparedData
    protocol: Dict[str, Any]
    rows: List[CaseScore]
    predictions: Predictions


@METRICS.register_module()
class VolumeMetric(BaseMetric):
    """Scores per label and volume, averaged over a task.

    A volume is a block: a contiguous range of a scan's slices that belongs to
    the split. A row of the evaluation is a label that has at least
    ``min_volume`` voxels in a block; its predicted volume stacks what the
    model made of the label's prompts, and is empty where there was none. The
    task's score is the unweighted mean over its rows: every label of every
    block counts once, however large. A label cut by a block's border has a
    surface there, in the reference as in the prediction. Where prompts were
    drawn several times, each draw is a row.

    The scores' own conventions stand with them, in
    :mod:`mmdbsam.evaluation.scores`: two empty masks score as equal ones do.
    The distance to an empty prediction is the diagonal of the block, so that
    a mean over rows misses none and a model that predicts nothing does not
    gain. What else a number depends on is the protocol:

    - ``'mm'``: spacing in mm, tolerance 2 mm, all slices of the block, labels
      of at least 1000 voxels.
    - ``'dbsam2024'``: that of DB-SAM's release. Spacing 1, tolerance 1 voxel,
      only slices with the label, stacked without gaps, however small the
      label is.

    The arguments ``unit`` to ``min_volume`` change single fields of it.

    Predictions are collected from all ranks; a slice that was padded into
    the last batch counts once.

    Args:
        data_root: The prepared data set, which also holds the reference.
        split: The split that is evaluated; the data loader must deliver all
            of it, as a label's missing slices count as empty predictions.
        scores: Names of registered scores, of which ``DSC`` must be one:
            ``DSC``, ``NSD``, ``HD95``, ``ASSD``, ``IoU``, ``RVD``.
        protocol: 'mm' or 'dbsam2024'.
        unit: 'mm' or 'voxel'.
        tolerance: Tolerance of the NSD in that unit.
        slices: 'all' or 'foreground'.
        min_volume: Voxels of a label in a block below which it is not
            scored.
        per_slice: Score every slice as an image, in its plane, and take the
            mean over those of a block: for images in a plane. Unless said
            otherwise only slices with the label count, and labels of any
            size. In 'dbsam2024' the NSD is, as in the release, still that of
            the stack.
        baselines: Score two trivial methods beside the model, from the same
            boxes, as reports show them.
        collect_device: 'cpu' or 'gpu', see mmengine's ``BaseMetric``.
        prefix: Prepended to the scores' names, as ``prefix/DSC``.

    Attributes:
        evaluation (Evaluation or None): What was found, once it is computed;
            on the main process only.

    Raises:
        InputError: If the data set cannot be read, if a score or the protocol
            is unknown, or if the split has no label of ``min_volume`` voxels.
    """

    # Not None, or mmengine warns that it is missing.
    default_prefix = ''

    def __init__(self,
                 data_root: str,
                 split: str,
                 scores: Sequence[str] = ('DSC', 'NSD'),
                 protocol: str = 'mm',
                 unit: Optional[str] = None,
                 tolerance: Optional[float] = None,
                 slices: Optional[str] = None,
                 min_volume: Optional[int] = None,
                 per_slice: bool = False,
                 baselines: bool = False,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.data = PreparedData(data_root)
        self.split = split
        self.scores = {name: SCORES.build(dict(type=name)) for name in scores}
        if 'DSC' not in self.scores:
            raise InputError('scores: expected DSC among them, found '
                             f'{", ".join(scores) or "none"}')
        self.protocol_name = protocol
        self.protocol = find_protocol(
            protocol, per_slice, unit=unit, tolerance=tolerance,
            slices=slices, min_volume=min_volume)
        self.per_slice = per_slice
        self.baselines = baselines
        self.evaluation: Optional[Evaluation] = None
        self.blocks = {(case.name, start, stop)
                       for case, start, stop in self.data.blocks(split)}
        self.targets = find_targets(self.data, split, self.protocol.min_volume)
        if not self.targets:
            raise InputError(
                f"{data_root}: expected, in split '{split}', a label with at "
                f'least min_volume={self.protocol.min_volume} voxels in a '
                f'block of slices, found none in {len(self.blocks)} blocks; '
                'lower min_volume or evaluate another split')

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the boxes and the packed predictions of a batch.

        Args:
            data_batch: Not used.
            data_samples: The model's output as dicts, with ``case``,
                ``block``, ``slice_index``, ``prompt`` (how the prompts were
                made), ``prompts`` (``labels`` (K,), ``draws`` (K,) if there
                are several, ``ori_boxes`` (K, 4) if they are boxes) and
                ``predictions`` (``masks``, bool (K, H, W) at the slice's
                original size).

        Raises:
            InputError: If a sample is not of the metric's split.
        """
        # One result a sample: mmengine cuts padding off by their number.
        self.results += map(self.pack, data_samples)

    def pack(self, sample: dict) -> Tuple[str, dict]:
        """How a sample was prompted, and with what; see :meth:`process`."""
        block = (sample['case'], *sample['block'])
        if block not in self.blocks:
            raise InputError(
                f"{self.data.root}: expected slices of split '{self.split}', "
                f'found slices {block[1]} to {block[2]} of case {block[0]}; '
                'give the metric the data root and the split of its data '
                'loader')
        prompts = sample['prompts']
        labels = prompts['labels'].tolist()
        draws = prompts['draws'].tolist() if 'draws' in prompts else [
            0] * len(labels)
        boxes = prompts['ori_boxes'].cpu().numpy() if (
            'ori_boxes' in prompts) else [None] * len(labels)
        masks = sample['pred_instances']['masks'].cpu().numpy()
        return sample['prompt'], {
            (sample['case'], label_id, draw, sample['slice_index']):
            PromptedMask(box, PackedMask.pack(mask))
            for label_id, draw, box, mask in zip(labels, draws, boxes, masks,
                                                 strict=True)
        }

    def compute_metrics(self, results: List[Tuple[str, dict]]
                        ) -> Dict[str, float]:
        """Score all volumes; :attr:`evaluation` then has the rows.

        Args:
            results: Of each sample, what :meth:`pack` returns.

        Returns:
            dict[str, float]: Each of the scores by its name, and with
            ``baselines`` also ``box_DSC``, ``ellipse_DSC`` and so on;
            fractions, and distances in the protocol's unit.
        """
        predictions: Predictions = defaultdict(lambda: defaultdict(dict))
        boxed, draws = True, 1
        for _, result in results:
            for (case, label_id, draw, index), prompt in result.items():
                predictions[case, label_id][draw].setdefault(index, prompt)
                boxed &= prompt.box is not None
                draws = max(draws, draw + 1)
        methods = [method for method in METHODS if method == 'model'
                   or (self.baselines and boxed)]
        work = [(target, draw, _of_target(predictions, target, draw), methods)
                for target in self.targets for draw in range(draws)]
        threads = min(_MAX_THREADS, os.cpu_count() or 1)
        with ThreadPoolExecutor(threads) as executor:
            scored = list(track_iter_progress(
                (executor.map(self._score, *zip(*work, strict=True)),
                 len(work))))
        rows = [row for of_target, _ in scored for row in of_target]
        kinds = sorted({kind for kind, _ in results})
        self.evaluation = Evaluation(
            self.data, self._describe(
                ' or '.join(kinds), draws,
                np.concatenate([shifts for _, shifts in scored])),
            rows, predictions)
        return {
            key if method == 'model' else f'{method}_{key}': mean[key]
            for method, mean in mean_scores(rows).items()
            for key in self.scores
        }

    def _score(self, target: Target, draw: int,
               prompts: Dict[int, PromptedMask], methods: Sequence[str]
               ) -> Tuple[List[CaseScore], np.ndarray]:
        """The rows of a target for a draw, and how far its boxes are off."""
        volume = LabelVolume(target, prompts)
        spacing = target.case.spacing
        shape = (target.stop - target.start, *target.case.shape[1:])
        rows = [CaseScore(
            case=target.case.name,
            start=target.start,
            stop=target.stop,
            label_id=target.label_id,
            label=self.data.labels[target.label_id],
            method=method,
            voxels=target.voxels,
            volume_ml=target.voxels * float(np.prod(spacing)) / 1000,
            scores=score_volume(volume.reference, volume.predict(method),
                                self.scores, self.protocol, self.per_slice,
                                spacing, shape),
            draw=draw) for method in methods]
        return rows, volume.box_shifts()

    def _describe(self, prompt: str, draws: int, shifts: np.ndarray) -> dict:
        """The protocol as a report states it."""
        protocol = self.protocol
        return dict(
            name=self.protocol_name,
            split=self.split,
            unit=protocol.unit,
            tolerance=protocol.tolerance,
            slices=protocol.slices,
            per_slice=self.per_slice,
            min_volume_voxels=protocol.min_volume,
            scores={name: dict(
                title=score.title, ideal=score.ideal,
                unit=protocol.unit if score.is_distance else '%',
                of='slices' if self.per_slice
                and name not in protocol.stacked else 'volumes')
                for name, score in self.scores.items()},
            empty='both masks empty: as equal ones; prediction empty: '
            'distances are the diagonal of the '
            f'{"slice" if self.per_slice else "block"}',
            prompt=prompt,
            draws=draws,
            box_shift_px=[float(shifts.min()), float(shifts.max())]
            if shifts.size else [],
            averaging=('over the slices of a block, then ' if self.per_slice
                       else '')
            + 'unweighted mean over (case, block of slices, label)')


def _of_target(predictions: Predictions, target: Target,
               draw: int) -> Dict[int, PromptedMask]:
    """A target's prompts in one draw, by slice index."""
    drawn = predictions.get((target.case.name, target.label_id), {})
    return {index: prompt for index, prompt in drawn.get(draw, {}).items()
            if target.start <= index < target.stop}
