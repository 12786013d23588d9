"""Random numbers of an iteration that do not depend on those before it."""

import torch
from mmengine.dist import get_rank, get_world_size
from mmengine.hooks import Hook
from mmengine.runner import Runner

from mmdbsam.registry import HOOKS


@HOOKS.register_module()
class IterationSeedHook(Hook):
    """Make dropout and drop path a function of seed, iteration and rank.

    A resumed run then draws what the uninterrupted one would have drawn,
    without any generator's state in the checkpoint.
    """

    def before_train_iter(self, runner: Runner, batch_idx: int,
                          data_batch: object = None) -> None:
        """Seed torch's generators for the iteration."""
        step = runner.iter * get_world_size() + get_rank()
        torch.manual_seed(runner.seed * 1_000_003 + step)
