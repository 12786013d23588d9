"""Scores whole volumes from the predictions of their slices."""

import os
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
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
from mmdbsam.evaluation.sessions import session_formats, session_scores
from mmdbsam.evaluation.volume_scores import score_volume
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import METRICS, SCORES
from mmdbsam.structures.packed_mask import PackedMask

# Each thread needs the memory of a few distance maps of what it scores.
_MAX_THREADS = 8


@dataclass(frozen=True)
class StructureCount:
    """How often a model without prompts found a structure, over all blocks.

    Attributes:
        label_id: The label's id.
        label: The label's name.
        present: The number of blocks in which the label is scored.
        missing: The number of these in which nothing was predicted.
        absent: The number of blocks without a voxel of the label.
        wrongly_found: The number of these in which something was predicted.
    """

    label_id: int
    label: str
    present: int
    missing: int
    absent: int
    wrongly_found: int


@dataclass(frozen=True)
class Evaluation:
    """The outcome of a metric, from which reports are made.

    Attributes:
        data: The data set.
        protocol: The conventions of the rows, as reports state them.
        rows: The scores of all methods.
        predictions: The prompts and the masks that the model made from them;
            of sessions, the last ones.
        sessions: The same for sessions of clicks, where the draws are the
            turns of a session; empty for other prompts.
        structures: The counts of structures that a model found without
            prompts; empty for a model with prompts.
    """

    data: PreparedData
    protocol: Dict[str, Any]
    rows: List[CaseScore]
    predictions: Predictions
    sessions: Predictions
    structures: Sequence[StructureCount] = ()


@dataclass(frozen=True)
class PackedSample:
    """A slice's prompts and predictions, packed for other processes.

    Attributes:
        prompt: How the prompts were made.
        turns: In sessions, the numbers of clicks before their predictions.
        masks: The masks by case, label id, draw or turn, and slice index.
    """

    prompt: str
    turns: List[int]
    masks: Dict[Tuple[str, int, int, int], PromptedMask]


@METRICS.register_module()
class VolumeMetric(BaseMetric):
    """Scores each label of each volume, and averages over a task.

    A volume is a block: a contiguous range of a scan's slices that belongs to
    the split. A row of the evaluation is a label that has at least
    ``min_volume`` voxels in a block. Its predicted volume stacks the model's
    masks for the label's prompts, and is empty in slices without a prompt. The
    task's score is the unweighted mean over its rows: every label of every
    block counts once, however large it is. A label that is cut by a block's
    border has a surface there, in the reference and in the prediction alike.
    Where prompts were drawn several times, each draw is a row. A session of
    clicks is a row too: its scores are those after the last click, and it also
    has those of :func:`.session_scores`.

    :mod:`mmdbsam.evaluation.scores` explains the conventions of each score;
    two empty masks score as equal ones do. The distance to an empty
    prediction is the diagonal of the block, so that no row is missing from a
    mean, and a model does not gain by predicting nothing. All other
    conventions are those of the protocol:

    - ``'mm'`` takes the spacing in mm, a tolerance of 2 mm, all slices of the
      block, and labels of at least 1000 voxels.
    - ``'dbsam2024'`` is the protocol of DB-SAM's release. It takes a spacing
      of 1, a tolerance of 1 voxel, only the slices with the label, stacked
      without gaps, labels of any size, and masks that are made directly on the
      original slice.

    The arguments ``unit`` to ``resampling`` change single fields of it.

    Predictions are collected from all ranks; a slice that was padded into
    the last batch counts once.

    Args:
        data_root: The prepared data set, which also holds the reference.
        split: The split that is evaluated. The data loader must deliver all
            of it, as a label's missing slices count as empty predictions.
        scores: The names of registered scores: ``DSC``, which must be among
            them, ``NSD``, ``HD95``, ``ASSD``, ``IoU`` and ``RVD``.
        protocol: The protocol, 'mm' or 'dbsam2024'.
        unit: The unit of distances, 'mm' or 'voxel'.
        tolerance: The tolerance of the NSD in that unit.
        slices: The slices that are scored, 'all' or 'foreground'.
        min_volume: The least number of voxels of a label in a block for it to
            be scored.
        resampling: The way of the model's logits to the original slice,
            'input' or 'direct'; a :class:`.ProtocolHook` tells the model.
        per_slice: Whether to score every slice as an image, in its plane, and
            to average over the slices of a block. Unless other arguments say
            otherwise, only slices with the label then count, and labels of
            any size. The NSD of 'dbsam2024' remains that of the stack, as in
            the release.
        baselines: Whether to score, beside the model, two trivial methods
            that use the same boxes; reports show them.
        collect_device: The device on which results are collected, 'cpu' or
            'gpu'; see mmengine's ``BaseMetric``.
        prefix: A prefix of the scores' names, as in ``prefix/DSC``.

    Attributes:
        evaluation (Evaluation or None): The outcome, once it is computed, on
            the main process only.

    Raises:
        InputError: If the data set cannot be read, if a score or the protocol
            is unknown, or if the split has no label of ``min_volume`` voxels.
    """

    # mmengine would warn of a missing prefix if this were None.
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
                 resampling: Optional[str] = None,
                 per_slice: bool = False,
                 baselines: bool = False,
                 collect_device: str = 'cpu',
                 prefix: Optional[str] = None) -> None:
        super().__init__(collect_device=collect_device, prefix=prefix)
        self.data = _single(data_root)
        self.split = split
        self.scores = {name: SCORES.build(dict(type=name)) for name in scores}
        if 'DSC' not in self.scores:
            raise InputError('scores: expected DSC among them, found '
                             f'{", ".join(scores) or "none"}')
        self.protocol_name = protocol
        self.protocol = find_protocol(
            protocol, per_slice, unit=unit, tolerance=tolerance,
            slices=slices, min_volume=min_volume, resampling=resampling)
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
            data_batch: This argument is not used.
            data_samples: The model's output as dicts, with ``case``,
                ``block``, ``slice_index``, ``prompt`` (how the prompts were
                made), ``turns`` (see :class:`.ClickPromptsFromMask`),
                ``prompts`` (``labels`` (K,), ``draws`` (K,) if there are
                several, ``ori_boxes`` (K, 4) if there are boxes, ``points``
                (K, P, 3) if there are clicks) and ``pred_instances``
                (``masks``, bool (K, H, W) at the slice's original size, and
                those of T ``turns`` (K, T, H, W) in sessions).

        Raises:
            InputError: If a sample is not of the metric's split.
        """
        # Each sample gives one result, as mmengine cuts padding off by count.
        self.results += map(self.pack, data_samples)

    def pack(self, sample: dict) -> PackedSample:
        """Pack a sample's prompts and predictions.

        Args:
            sample: A sample that :meth:`process` takes.

        Raises:
            InputError: If the sample is not of the metric's split.
        """
        self._check_block(sample)
        prompts, predicted = sample['prompts'], sample['pred_instances']
        labels = prompts['labels'].tolist()
        draws = prompts['draws'].tolist() if 'draws' in prompts else [
            0] * len(labels)
        boxes = prompts['ori_boxes'].cpu().numpy() if (
            'ori_boxes' in prompts) else [None] * len(labels)
        points = prompts['points'].cpu().numpy() if (
            'points' in prompts) else [None] * len(labels)
        turns = list(sample.get('turns', ()))
        masks = predicted['turns' if turns else 'masks'].cpu().numpy()
        packed = {}
        for label_id, draw, box, own, of_object in zip(
                labels, draws, boxes, points, masks, strict=True):
            for turn, mask in enumerate(of_object if turns else [of_object]):
                clicks = own if own is None or not turns else own[:turns[turn]]
                packed[sample['case'], label_id, turn if turns else draw,
                       sample['slice_index']] = PromptedMask(
                    box, PackedMask.pack(mask), clicks)
        return PackedSample(sample['prompt'], turns, packed)

    def _check_block(self, sample: dict) -> None:
        block = (sample['case'], *sample['block'])
        if block not in self.blocks:
            raise InputError(
                f"{self.data.root}: expected slices of split '{self.split}', "
                f'found slices {block[1]} to {block[2]} of case {block[0]}; '
                'give the metric the data root and the split of its data '
                'loader')

    def compute_metrics(self, results: List[PackedSample]
                        ) -> Dict[str, float]:
        """Score all volumes; ``evaluation`` then has the rows.

        Args:
            results: The samples as :meth:`pack` returns them.

        Returns:
            dict[str, float]: The scores by their names, and with
            ``baselines`` also ``box_DSC``, ``ellipse_DSC`` and so on. They
            are fractions, or distances in the protocol's unit. Sessions have
            those of :func:`.session_scores` too.
        """
        predictions: Predictions = defaultdict(lambda: defaultdict(dict))
        boxed, draws, turns = True, 1, []
        for packed in results:
            turns = turns or packed.turns
            for (case, label_id, draw, index), prompt in packed.masks.items():
                predictions[case, label_id][draw].setdefault(index, prompt)
                boxed &= prompt.box is not None
                draws = max(draws, draw + 1)
        methods = [method for method in METHODS if method == 'model'
                   or (self.baselines and boxed and not turns)]
        work = [(target, draw, _of_target(predictions, target, draw), methods)
                for target in self.targets for draw in range(draws)]
        threads = min(_MAX_THREADS, os.cpu_count() or 1)
        with ThreadPoolExecutor(threads) as executor:
            scored = list(track_iter_progress(
                (executor.map(self._score, *zip(*work, strict=True)),
                 len(work))))
        rows = [row for of_target, _ in scored for row in of_target]
        kinds = sorted({packed.prompt for packed in results})
        protocol = self._describe(
            ' or '.join(kinds), 1 if turns else draws, turns,
            np.concatenate([shifts for _, shifts in scored]))
        sessions: Predictions = {}
        if turns:
            rows = _session_rows(rows, turns)
            sessions, predictions = predictions, {
                key: {0: of_object.get(draws - 1, {})}
                for key, of_object in predictions.items()}
        self.evaluation = Evaluation(self.data, protocol, rows, predictions,
                                     sessions)
        return {
            key if method == 'model' else f'{method}_{key}': mean[key]
            for method, mean in mean_scores(rows).items()
            for key in protocol['scores']
        }

    def _score(self, target: Target, draw: int,
               prompts: Dict[int, PromptedMask], methods: Sequence[str]
               ) -> Tuple[List[CaseScore], np.ndarray]:
        """Score a target for a draw, and measure how far its boxes are off."""
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

    def _describe(self, prompt: str, draws: int, turns: Sequence[int],
                  shifts: np.ndarray) -> dict:
        """Describe the protocol as a report states it."""
        protocol = self.protocol
        of = 'slices' if self.per_slice else 'volumes'
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
                of='volumes' if name in protocol.stacked else of)
                for name, score in self.scores.items()}
            | (session_formats(self.scores, turns, of) if turns else {}),
            empty='both masks empty: as equal ones; prediction empty: '
            'distances are the diagonal of the '
            f'{"slice" if self.per_slice else "block"}',
            prompt=prompt,
            draws=draws,
            box_shift_px=[float(shifts.min()), float(shifts.max())]
            if shifts.size else [],
            # Reports that were made before there was a choice lack it.
            **({} if protocol.resampling == 'input' else
               dict(resampling=protocol.resampling)),
            averaging=('over the slices of a block, then ' if self.per_slice
                       else '')
            + 'unweighted mean over (case, block of slices, label)',
            **dict(turns=list(turns)) if turns else {})


def _session_rows(rows: Sequence[CaseScore], turns: Sequence[int]
                  ) -> List[CaseScore]:
    """Join the rows of a session's turns, which are its draws, to one."""
    by_volume: Dict[tuple, List[CaseScore]] = defaultdict(list)
    for row in rows:
        by_volume[row.volume].append(row)
    return [replace(own[-1], draw=0, scores=own[-1].scores | session_scores(
        [row.scores for row in own], turns)) for own in by_volume.values()]


def _single(data_root: str) -> PreparedData:
    """The one data set at a root."""
    found = PreparedData.open_tasks(data_root)
    if len(found) > 1:
        raise InputError(
            f'data root {data_root}: expected one data set, found '
            f'{", ".join(data.name for data in found)}; score several with '
            "BenchmarkMetric, as configs/_base_/datasets/patients_ct.py does")
    return found[0]


def _of_target(predictions: Predictions, target: Target,
               draw: int) -> Dict[int, PromptedMask]:
    """Select a target's prompts in one draw, by slice index."""
    drawn = predictions.get((target.case.name, target.label_id), {})
    return {index: prompt for index, prompt in drawn.get(draw, {}).items()
            if target.start <= index < target.stop}
