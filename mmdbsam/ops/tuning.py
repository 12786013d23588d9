"""The launch parameters of Triton kernels, chosen by timing them.

Triton times the candidates at the first call with given shapes and types, and
keeps what it found on disk (:func:`triton.autotune`). Importing this module
imports Triton, so that only kernels do.
"""

import inspect
import os
from typing import Any, Callable, Dict, List, Sequence

import triton

INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'


class Launcher:
    """Launches a tuned kernel for tensors of the same shapes and types.

    Only the first call asks the tuner, whose look-up takes longer than a small
    kernel does.

    Args:
        kernel: The tuned kernel.
        grid: How many programs run, for given launch parameters.
        sizes: The arguments that are the same in every call.
    """

    def __init__(self, kernel: Any, grid: Callable,
                 sizes: Dict[str, Any]) -> None:
        self._kernel = kernel
        self._grid = grid
        self._arguments = sizes
        self._is_tuned = False

    def __call__(self, *args: Any) -> None:
        """Launch the kernel with the arguments that change."""
        if self._is_tuned:
            self._kernel.fn[self._grid](*args, **self._arguments)
            return
        self._kernel[self._grid](*args, **self._arguments)
        self._arguments = {**self._arguments,
                           **self._kernel.best_config.all_kwargs()}
        self._grid = self._grid(self._arguments)
        self._is_tuned = True


def tuned(candidates: Sequence[triton.Config], key: Sequence[str],
          suits: Callable[[triton.Config, Dict[str, Any]], bool],
          **kwargs: Any) -> Callable:
    """Decorate a kernel so that its launch parameters are tuned.

    Args:
        candidates: The parameters to choose from. The first are taken where
            no others suit.
        key: The arguments whose values decide on the choice.
        suits: Whether a candidate suits a call's arguments.
        **kwargs: Further arguments of :func:`triton.autotune`.
    """

    def suited(configs: List[triton.Config], arguments: Dict[str, Any],
               **others: Any) -> List[triton.Config]:
        named = {**arguments, **others}
        return [config for config in configs[1:] if suits(config, named)
                ] + configs[:1]

    # Older versions of Triton keep what they found in memory only.
    if 'cache_results' in inspect.signature(triton.autotune).parameters:
        kwargs['cache_results'] = True
    return triton.autotune(
        list(candidates[:1] if INTERPRETED else candidates), key=list(key),
        prune_configs_by=dict(early_config_prune=suited), **kwargs)
