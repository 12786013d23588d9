"""Hooks for mmengine's Runner, each in a file of its name."""

from mmdbsam.engine.hooks.iteration_seed_hook import IterationSeedHook

__all__ = ['IterationSeedHook']
