"""mmengine's Runner, whose log begins with the model's parameters."""

from typing import Any, Dict, Union

from mmengine.logging import MMLogger
from mmengine.runner import Runner
from torch import nn


class ModelFirstRunner(Runner):
    """A Runner that builds the model, and logs its size, before the rest.

    mmengine's own starts the log with the environment and the config, some
    hundreds of lines.
    """

    def build_logger(self, *args: Any, **kwargs: Any) -> MMLogger:
        """The logger, which the model's parameters are the first to enter."""
        logger = super().build_logger(*args, **kwargs)
        self._first_model = super().build_model(self.cfg.model)
        logger.info(parameter_counts(self._first_model))
        return logger

    def build_model(self, model: Union[nn.Module, Dict]) -> nn.Module:
        """The model that was built with the logger."""
        return self._first_model


def parameter_counts(model: nn.Module) -> str:
    """How many parameters are trained and frozen, by part of the model.

    Returns:
        str: A line for the model and one for each of its children that has
        parameters.
    """
    lines = []
    for name, part in [('model', model), *model.named_children()]:
        counts = {True: 0, False: 0}
        for parameter in part.parameters():
            counts[parameter.requires_grad] += parameter.numel()
        if any(counts.values()):
            lines.append(f'{name}: {counts[True] / 1e6:.2f} M parameters '
                         f'trained, {counts[False] / 1e6:.2f} M frozen')
    return '\n  '.join(lines)
