"""The launch parameters of the Triton kernels, chosen by timing them.

Triton times the candidates at the first call with given shapes and types, and
keeps what it found on disk (:func:`triton.autotune`). Calls that are too small
to gain from it take the first candidate at once.
"""

import inspect
import os
from typing import Any, Callable, Dict, List, Tuple

import triton

INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'

# The number of queries of a program, the rows of the grid that they lie on,
# and the number of warps that compute them.
CANDIDATES: Dict[str, List[Tuple[int, int, int]]] = {
    'forward': [(16, 1, 4), (32, 1, 4), (16, 4, 4), (32, 4, 4), (64, 8, 4),
                (64, 8, 8), (128, 8, 8), (256, 16, 8)],
    'backward': [(16, 1, 4), (8, 1, 4), (16, 4, 4), (32, 4, 4), (32, 4, 8),
                 (64, 8, 8)],
}
# A call of fewer queries of one head is over before the choice matters.
_SMALL = 1 << 14


def tuned(name: str, **kwargs: Any) -> Callable:
    """Decorate a kernel so that its launch parameters are tuned.

    Args:
        name: The key of its :data:`CANDIDATES`.
        **kwargs: Further arguments of :func:`triton.autotune`.
    """
    configs = [triton.Config(dict(BLOCK_Q=queries, TILE_H=rows),
                             num_warps=warps)
               for queries, rows, warps in CANDIDATES[name]]
    # Older versions of Triton keep what they found in memory only.
    if 'cache_results' in inspect.signature(triton.autotune).parameters:
        kwargs['cache_results'] = True
    return triton.autotune(
        configs[:1] if INTERPRETED else configs,
        key=['queries', 'width', 'tokens', 'HEADS', 'CHANNELS', 'LEVELS',
             'POINTS'],
        prune_configs_by=dict(early_config_prune=_worth_timing), **kwargs)


def _worth_timing(configs: List[triton.Config], arguments: Dict[str, Any],
                  **kwargs: Any) -> List[triton.Config]:
    """Leave out the candidates that do not suit a call."""
    named = {**arguments, **kwargs}
    queries, width = named['queries'], named['width']
    if queries * kwargs['HEADS'] < _SMALL:
        return configs[:1]
    suited = []
    for config in configs:
        rows = config.kwargs['TILE_H']
        columns = config.kwargs['BLOCK_Q'] // rows
        if rows == 1 or not (width % columns or queries % (rows * width)):
            suited.append(config)
    return suited
