"""Hooks, loops, a strategy and an optimiser wrapper for mmengine's Runners."""

from mmdbsam.engine.click_test_loop import ClickTestLoop
from mmdbsam.engine.fsdp_strategy import FSDP2Strategy
from mmdbsam.engine.hooks import (
    CurvesHook,
    IterationSeedHook,
    PromptVisualizationHook,
    SignalCheckpointHook,
)
from mmdbsam.engine.optim_wrapper import BFloat16OptimWrapper
from mmdbsam.engine.resumable_train_loop import ResumableTrainLoop

__all__ = [
    'BFloat16OptimWrapper', 'ClickTestLoop', 'CurvesHook', 'FSDP2Strategy',
    'IterationSeedHook', 'PromptVisualizationHook', 'ResumableTrainLoop',
    'SignalCheckpointHook',
]
