"""Scores whole volumes of models that segment without prompts."""

from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence

import numpy as np

from mmdbsam.datasets.semantic_slice_dataset import class_ids
from mmdbsam.errors import InputError
from mmdbsam.evaluation.predictions import (
    NO_PROMPT,
    Predictions,
    PromptedMask,
)
from mmdbsam.evaluation.volume_metric import (
    PackedSample,
    StructureCount,
    VolumeMetric,
)
from mmdbsam.registry import METRICS
from mmdbsam.structures.packed_mask import PackedMask


@METRICS.register_module()
class SemanticVolumeMetric(VolumeMetric):
    """A :class:`.VolumeMetric` for what mmsegmentation's models predict.

    The rows are those of a model with prompts on the same data, so that their
    reports can be compared. Since such a model may also miss a structure, or
    find one that is not there, these are counted besides. The voxels of a
    label that another label hides belong to the reference all the same,
    although a pixel has only one class.

    Args:
        data_root: The prepared data set.
        split: The split that is evaluated, all slices of which the data loader
            must deliver.
        classes: The names of the labels that are the model's classes, in their
            order. None takes all labels. Others are not scored.
        **options: Further arguments of :class:`.VolumeMetric`. There are no
            ``baselines``, as these need boxes.

    Raises:
        InputError: In the same cases as :class:`.VolumeMetric`, or if the data
            set lacks a class.
    """

    def __init__(self, data_root: str, split: str,
                 classes: Optional[Sequence[str]] = None,
                 **options: Any) -> None:
        super().__init__(data_root, split, **{**options, 'baselines': False})
        self.class_ids = class_ids(self.data, classes)
        self.targets = [target for target in self.targets
                        if target.label_id in self.class_ids]
        if not self.targets:
            raise InputError(
                f"{data_root}: expected, in split '{split}', a class with at "
                f'least min_volume={self.protocol.min_volume} voxels in a '
                'block of slices, found none')

    def pack(self, sample: dict) -> PackedSample:
        """Pack the predicted classes of a slice.

        Args:
            sample: A sample as :meth:`.VolumeMetric.process` takes it, but
                with ``pred_sem_seg`` (``data``, the class of each pixel at the
                slice's original size) instead of prompts and masks.

        Raises:
            InputError: If the sample is not of the metric's split.
        """
        self._check_block(sample)
        classes = sample['pred_sem_seg']['data'].cpu().numpy().reshape(
            sample['ori_shape'])
        found = np.bincount(classes.ravel().astype(int),
                            minlength=1 + len(self.class_ids))
        return PackedSample(NO_PROMPT, [], {
            (sample['case'], label_id, 0, sample['slice_index']): PromptedMask(
                None, PackedMask.pack(classes == place))
            for place, label_id in enumerate(self.class_ids, start=1)
            if found[place]})

    def compute_metrics(self, results: List[PackedSample]
                        ) -> Dict[str, float]:
        """Score all volumes; ``evaluation`` then has rows and counts.

        Args:
            results: The samples as :meth:`pack` returns them.

        Returns:
            dict[str, float]: The scores by their names, and the numbers of
            ``missing`` and of ``wrongly_found`` structures.
        """
        means = super().compute_metrics(results)
        counts = self._count(self.evaluation.predictions)
        self.evaluation = replace(self.evaluation, structures=counts)
        return dict(
            means, missing=float(sum(one.missing for one in counts)),
            wrongly_found=float(sum(one.wrongly_found for one in counts)))

    def _count(self, predictions: Predictions) -> List[StructureCount]:
        blocks = self.data.blocks(self.split)
        labels = list(self.data.labels)
        counts = []
        for label_id in self.class_ids:
            column = labels.index(label_id)
            voxels = np.array([
                case.areas()[start:stop, column].sum()
                for case, start, stop in blocks])
            found = np.array([
                any(start <= index < stop for index in predictions.get(
                    (case.name, label_id), {}).get(0, {}))
                for case, start, stop in blocks])
            present = voxels >= max(self.protocol.min_volume, 1)
            counts.append(StructureCount(
                label_id, self.data.labels[label_id], int(present.sum()),
                int((present & ~found).sum()), int((voxels == 0).sum()),
                int((found & (voxels == 0)).sum())))
        return counts
