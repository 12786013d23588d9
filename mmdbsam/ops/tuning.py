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
