"""Hooks for mmengine's Runner, each in a file of its name."""

from mmdbsam.engine.hooks.curves_hook import CurvesHook
from mmdbsam.engine.hooks.iteration_seed_hook import IterationSeedHook
from mmdbsam.engine.hooks.prompt_visualization_hook import (
    PromptVisualizationHook,
)
from mmdbsam.engine.hooks.protocol_hook import ProtocolHook
from mmdbsam.engine.hooks.signal_checkpoint_hook import SignalCheckpointHook

__all__ = ['CurvesHook', 'IterationSeedHook', 'PromptVisualizationHook',
           'ProtocolHook', 'SignalCheckpointHook']
