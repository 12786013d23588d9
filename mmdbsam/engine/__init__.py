"""Hooks and optimiser wrappers for mmengine's Runner, and its set-up."""

from mmdbsam.engine.hooks import IterationSeedHook
from mmdbsam.engine.optim_wrapper import BFloat16OptimWrapper

__all__ = ['BFloat16OptimWrapper', 'IterationSeedHook']
