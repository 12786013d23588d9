"""The part of an evaluation's protocol that the model must follow."""

from typing import TYPE_CHECKING, Iterator

from mmengine.evaluator import Evaluator
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import Runner

from mmdbsam.errors import InputError

if TYPE_CHECKING:
    from mmdbsam.evaluation import VolumeMetric


class ProtocolHook(Hook):
    """Has the model resample its logits as the evaluation's protocol says.

    Every Runner of :func:`.build_runner` has this hook.
    """

    def before_val(self, runner: Runner) -> None:
        """Follow the protocol of the validation."""
        _follow(runner, runner.val_loop.evaluator)

    def before_test(self, runner: Runner) -> None:
        """Follow the protocol of the test."""
        _follow(runner, runner.test_loop.evaluator)


def _follow(runner: Runner, evaluator: Evaluator) -> None:
    found = {metric.protocol.resampling
             for metric in _volume_metrics(evaluator)}
    if len(found) > 1:
        raise InputError('resampling: expected the same for all tasks, whose '
                         'masks one model makes, found '
                         f'{" and ".join(sorted(found))}')
    model = runner.model
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    for resampling in found:
        model.resampling = resampling


def _volume_metrics(evaluator: Evaluator) -> Iterator['VolumeMetric']:
    # Training and inference without an evaluation need none of its packages.
    from mmdbsam.evaluation import BenchmarkMetric, VolumeMetric
    for metric in evaluator.metrics:
        if isinstance(metric, BenchmarkMetric):
            yield from metric.metrics.values()
        elif isinstance(metric, VolumeMetric):
            yield metric
