"""Hooks, loops and an optimiser wrapper for mmengine's Runner."""

from mmdbsam.engine.click_test_loop import ClickTestLoop
from mmdbsam.engine.hooks import (
    CurvesHook,
    IterationSeedHook,
    PromptVisualizationHook,
    SignalCheckpointHook,
)
from mmdbsam.engine.optim_wrapper import BFloat16OptimWrapper
from mmdbsam.engine.resumable_train_loop import ResumableTrainLoop

__all__ = [
    'BFloat16OptimWrapper', 'ClickTestLoop', 'CurvesHook',
    'IterationSeedHook', 'PromptVisualizationHook', 'ResumableTrainLoop',
    'SignalCheckpointHook',
]
