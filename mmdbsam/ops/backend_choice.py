"""The choice of the backend that computes a call of MSDA."""

import os
from functools import cache
from types import ModuleType
from typing import Dict, Tuple

import torch

from mmdbsam.ops.backends import BACKENDS

#: The environment variable with the backends that 'auto' chooses from, in the
#: order of preference, separated by commas.
VARIABLE = 'MMDBSAM_MSDA_BACKEND'


def available_backends() -> Dict[str, str]:
    """The backends of :func:`multi_scale_deformable_attn` on this machine.

    Returns:
        dict[str, str]: The name of each backend to ``''`` if it is usable,
        else to a sentence that says why it is not.
    """
    return {name: module.unusable_because()
            for name, module in BACKENDS.items()}


@torch.compiler.assume_constant_result
def choose(backend: str, device: str, dtype: torch.dtype) -> str:
    """Choose the backend for tensors of a device type and a dtype.

    Args:
        backend: The name of a backend, or 'auto'.
        device: The device type of the tensors, such as 'cpu'.
        dtype: The type of the tensors' numbers.

    Returns:
        str: The name of the backend.

    Raises:
        ValueError: If a name is unknown.
        RuntimeError: If none of the named backends can take such tensors.
    """
    return _choose(backend, os.environ.get(VARIABLE, ''), device, dtype)


@cache
def _choose(backend: str, setting: str, device: str,
            dtype: torch.dtype) -> str:
    source = 'backend'
    if backend != 'auto':
        names: Tuple[str, ...] = (backend, )
    elif setting and setting != 'auto':
        source, names = VARIABLE, tuple(setting.split(','))
    elif device == 'cuda':
        names = ('triton', 'mmcv', 'torch')
    elif device == 'cpu' and dtype == torch.float32:
        names = ('numba', 'torch')
    else:
        names = ('torch', )
    refusals = []
    for name in names:
        if name not in BACKENDS:
            raise ValueError(f"{source}: expected 'auto' or one of "
                             f"{sorted(BACKENDS)}, found '{name}'")
        refusal = _refusal(BACKENDS[name], device, dtype)
        if not refusal:
            return name
        refusals.append(f"'{name}': {refusal}")
    raise RuntimeError(f'{source} {"; ".join(refusals)}')


def _refusal(module: ModuleType, device: str, dtype: torch.dtype) -> str:
    """Why a backend does not take such tensors, or ``''`` if it does."""
    reason = module.unusable_because()
    if reason:
        return reason
    devices = getattr(module, 'DEVICES', (device, ))
    if device not in devices:
        return f"expected tensors on '{devices[0]}', found '{device}'"
    dtypes = getattr(module, 'DTYPES', (dtype, ))
    if dtype not in dtypes:
        return f'expected one of {list(dtypes)}, found {dtype}'
    return ''
