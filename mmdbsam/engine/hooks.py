"""Hooks for training."""

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner

from mmdbsam.registry import HOOKS


@HOOKS.register_module()
class ParameterCountHook(Hook):
    """Say before training how many parameters are trained and frozen."""

    def before_train(self, runner: Runner) -> None:
        """Log the counts, in all and by part of the model."""
        model = runner.model
        model = model.module if is_model_wrapper(model) else model
        lines = []
        for name, part in [('model', model), *model.named_children()]:
            counts = {True: 0, False: 0}
            for parameter in part.parameters():
                counts[parameter.requires_grad] += parameter.numel()
            lines.append(f'{name}: {counts[True] / 1e6:.2f} M parameters '
                         f'trained, {counts[False] / 1e6:.2f} M frozen')
        runner.logger.info('\n  '.join(lines))


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Make dropout and drop path a function of seed, iteration and rank.

    A resumed run then draws what the uninterrupted one would have drawn,
    without any generator's state in the checkpoint.
    """

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: object = None) -> None:
        """Seed torch's generators."""
        step = runner.iter * get_world_size() + get_rank()
        torch.manual_seed(runner.seed * 1_000_003 + step)
