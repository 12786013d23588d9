"""Scores several tasks, each by itself, and averages them."""

from fnmatch import fnmatch
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from mmengine.evaluator import BaseMetric

from mmdbsam.errors import InputError
from mmdbsam.evaluation.volume_metric import PackedSample, VolumeMetric
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import METRICS


@METRICS.register_module()
class BenchmarkMetric(BaseMetric):
    """A :class:`VolumeMetric` for each of the data sets in a folder.

    The scores of 3-D tasks and of 2-D tasks are averaged separately, and
    every task counts once (DB-SAM, section 3).

    Args:
        data_root: The prepared data sets, see
            :meth:`.PreparedData.open_tasks`.
        split: The split that is evaluated. Data sets without it have no score.
        planar_tasks: The names of the 2-D tasks, which are scored
            ``per_slice``; ``*`` stands for anything.
        task_options: Options for single tasks, by a task's name or a pattern
            of names, as in ``{'03-*': dict(tolerance=1.)}``.
        collect_device: The device on which results are collected, 'cpu' or
            'gpu'; see mmengine's ``BaseMetric``.
        **options: Options for every :class:`VolumeMetric`.

    Attributes:
        metrics (dict[str, VolumeMetric]): The metric of each task.
        planar (dict[str, bool]): Whether each task is a 2-D task.

    Raises:
        InputError: In the same cases as :class:`VolumeMetric`, or if there
            are no data sets.
    """

    # mmengine would warn of a missing prefix if this were None.
    default_prefix = ''

    def __init__(self,
                 data_root: Union[str, Sequence[str]],
                 split: str,
                 planar_tasks: Sequence[str] = (),
                 task_options: Optional[Dict[str, dict]] = None,
                 collect_device: str = 'cpu',
                 **options: Any) -> None:
        super().__init__(collect_device=collect_device)
        self.planar: Dict[str, bool] = {}
        self.metrics: Dict[str, VolumeMetric] = {}
        for data in PreparedData.open_tasks(data_root):
            name = data.name
            if not data.blocks(split):
                continue
            self.planar[name] = any(fnmatch(name, pattern)
                                    for pattern in planar_tasks)
            own = {key: value
                   for pattern, given in (task_options or {}).items()
                   if fnmatch(name, pattern) for key, value in given.items()}
            self.metrics[name] = VolumeMetric(
                str(data.root), split, per_slice=self.planar[name],
                **{**options, **own})
        if not self.metrics:
            raise InputError(f"data root {data_root}: expected split '{split}'"
                             ' in at least one data set, found none')

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the prompts of a batch with their tasks.

        Args:
            data_batch: This argument is not used.
            data_samples: The samples that :meth:`.VolumeMetric.process`
                takes, with their ``task``.

        Raises:
            InputError: If a sample belongs to no task, or not to its task's
                split.
        """
        for sample in data_samples:
            metric = self.metrics.get(sample['task'])
            if metric is None:
                raise InputError(
                    f"benchmark: expected a task of {', '.join(self.metrics)},"
                    f" found '{sample['task']}'; give the metric the data "
                    'root of its data loader')
            self.results.append((sample['task'], metric.pack(sample)))

    def compute_metrics(self, results: List[Tuple[str, PackedSample]]
                        ) -> Dict[str, float]:
        """Score each task and average.

        Args:
            results: The task and the prompts of each sample.

        Returns:
            dict[str, float]: The scores of each task, such as ``TASK/DSC``,
            and their means over the 3-D and over the 2-D tasks, such as
            ``3D_DSC`` and ``2D_DSC``, where there are tasks of the kind.
        """
        scores = {name: metric.compute_metrics(
            [result for task, result in results if task == name])
            for name, metric in self.metrics.items()}
        found = {f'{name}/{key}': value for name, task in scores.items()
                 for key, value in task.items()}
        for title, planar in (('3D', False), ('2D', True)):
            tasks = [scores[name] for name in scores
                     if self.planar[name] == planar]
            for key in self._names() if tasks else ():
                found[f'{title}_{key}'] = float(
                    np.mean([task[key] for task in tasks]))
        return found

    def _names(self) -> List[str]:
        """List the names of the scores that all tasks have."""
        first, *others = [metric.evaluation.protocol['scores']
                          for metric in self.metrics.values()]
        return [name for name in first
                if all(name in scores for scores in others)]
