"""Several tasks, each scored by itself."""

from fnmatch import fnmatch
from typing import Any, Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.evaluator import BaseMetric

from mmdbsam.errors import InputError
from mmdbsam.evaluation.volume_metric import VolumeMetric
from mmdbsam.io.prepared import PreparedData
from mmdbsam.registry import METRICS


@METRICS.register_module()
class BenchmarkMetric(BaseMetric):
    """A :class:`VolumeMetric` for each of the data sets in a folder.

    The scores of 3-D tasks and of 2-D tasks are averaged apart, every task
    counting once (DB-SAM, section 3).

    Args:
        data_root: Folder of the prepared data sets, see
            :meth:`PreparedData.open_tasks`.
        planar_tasks: Names of the 2-D tasks, ``*`` stands for anything; they
            are scored ``per_slice``.
        task_options: By a task's name or a pattern as above, options that
            are its own, as ``{'03-*': dict(tolerance=1.)}``.
        collect_device: 'cpu' or 'gpu', see mmengine's ``BaseMetric``.
        options: Of every :class:`VolumeMetric`.

    Attributes:
        metrics (dict[str, VolumeMetric]): Task to its metric.
        planar (dict[str, bool]): Task to whether it is a 2-D one.

    Raises:
        InputError: As :class:`VolumeMetric`; if there are no data sets.
    """

    # Not None, or mmengine warns that it is missing.
    default_prefix = ''

    def __init__(self,
                 data_root: str,
                 planar_tasks: Sequence[str] = (),
                 task_options: Optional[Dict[str, dict]] = None,
                 collect_device: str = 'cpu',
                 **options: Any) -> None:
        super().__init__(collect_device=collect_device)
        self.planar: Dict[str, bool] = {}
        self.metrics: Dict[str, VolumeMetric] = {}
        for data in PreparedData.open_tasks(data_root):
            name = data.name
            self.planar[name] = any(fnmatch(name, pattern)
                                    for pattern in planar_tasks)
            own = {key: value
                   for pattern, given in (task_options or {}).items()
                   if fnmatch(name, pattern) for key, value in given.items()}
            self.metrics[name] = VolumeMetric(
                str(data.root), per_slice=self.planar[name],
                **{**options, **own})

    def process(self, data_batch: Any, data_samples: Sequence[dict]) -> None:
        """Keep the prompts of a batch with their tasks.

        Args:
            data_batch: Not used.
            data_samples: As for :class:`VolumeMetric`, with ``task``.

        Raises:
            InputError: If a sample is of no task, or not of its split.
        """
        for sample in data_samples:
            metric = self.metrics.get(sample['task'])
            if metric is None:
                raise InputError(
                    f"benchmark: expected a task of {', '.join(self.metrics)},"
                    f" found '{sample['task']}'; give the metric the data "
                    'root of its data loader')
            self.results.append((sample['task'], metric.pack(sample)))

    def compute_metrics(self, results: List[Tuple[str, tuple]]
                        ) -> Dict[str, float]:
        """Score each task and average.

        Args:
            results: Of each sample, its task and its prompts.

        Returns:
            dict[str, float]: ``TASK/DSC`` and so on for each score; the
            means over tasks ``3D_DSC`` and ``2D_DSC`` and so on, where there
            are such tasks.
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
        """Of the scores that all tasks have."""
        first, *others = [metric.scores for metric in self.metrics.values()]
        return [name for name in first
                if all(name in scores for scores in others)]
