"""Hooks and optimiser wrappers for mmengine's Runner, and its set-up."""

from mmdbsam.engine.hooks import (
    CurvesHook,
    IterationSeedHook,
    PromptVisualizationHook,
)
from mmdbsam.engine.optim_wrapper import BFloat16OptimWrapper

__all__ = [
    'BFloat16OptimWrapper', 'CurvesHook', 'IterationSeedHook',
    'PromptVisualizationHook'
]
