"""Hooks, a loop and an optimiser wrapper for mmengine's Runner."""

from mmdbsam.engine.click_test_loop import ClickTestLoop
from mmdbsam.engine.hooks import (
    CurvesHook,
    IterationSeedHook,
    PromptVisualizationHook,
)
from mmdbsam.engine.optim_wrapper import BFloat16OptimWrapper

__all__ = [
    'BFloat16OptimWrapper', 'ClickTestLoop', 'CurvesHook',
    'IterationSeedHook', 'PromptVisualizationHook',
]
