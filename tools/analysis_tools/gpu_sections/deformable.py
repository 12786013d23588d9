"""MSDA's times against mmcv's and against the bytes that it must move."""

from typing import Callable, Dict, List

import torch
from benchmark_msda import CASES, PEER, Case, arguments, slope
from torch import Tensor

from gpu_sections.machine import copy_gigabytes
from gpu_sections.measuring import (
    DTYPES,
    Row,
    Section,
    Settings,
    guarded,
    milliseconds,
    wall_milliseconds,
)
from mmdbsam.ops import available_backends
from mmdbsam.ops.backends import BACKENDS
from mmdbsam.ops.backends.mmcv_backend import pure_torch_function

TINY = Case([(4, 4)] * 2, 16, 2, 16)


def compulsory_bytes(inputs: List[Tensor], grad: Tensor) -> Dict[str, int]:
    """The bytes of inputs and results, each moved once.

    The gradient of the values is a sum that starts at zero: it is written
    once at least, in float32.
    """
    size = sum(x.nbytes for x in inputs)
    value, *samples = inputs
    results = 4 * value.numel() + sum(x.nbytes for x in samples)
    return {'forward': size + grad.nbytes,
            'backward': size + grad.nbytes + results}


def calls(backend: str, case: Case, inputs: List[Tensor],
          grad: Tensor) -> Dict[str, Callable]:
    """The forward and the backward pass of a backend."""
    if backend == PEER:
        peer, shapes = pure_torch_function(), torch.tensor(case.shapes)
        output = peer(inputs[0], shapes, *inputs[1:])

        def forward() -> Tensor:
            with torch.no_grad():
                return peer(inputs[0], shapes, *inputs[1:])

        return {'forward': forward,
                'backward': lambda: torch.autograd.grad(
                    output, inputs, grad, retain_graph=True)}
    module = BACKENDS[backend]
    value, *samples = [x.detach() for x in inputs]
    return {'forward': lambda: module.forward(value, case.shapes, *samples),
            'backward': lambda: module.backward(grad, value, case.shapes,
                                                *samples)}


def tuning(name: str) -> Row:
    """The launch parameters that were chosen last, and all candidates."""
    from mmdbsam.ops.backends import triton_kernels
    kernel = getattr(triton_kernels, f'{name}_kernel')

    def text(config: object) -> str:
        return (f'{config.kwargs["BLOCK_Q"]}/{config.kwargs["TILE_H"]}'
                f'/{config.num_warps}')

    times = getattr(kernel, 'configs_timings', None) or {}
    return {f'{name} chosen': text(kernel.best_config),
            f'{name} candidates, us': ' '.join(
                f'{text(config)}:{found[0] * 1e3:.0f}'
                for config, found in times.items())}


def measure(backend: str, case: Case, dtype: torch.dtype, device: str,
            bandwidth: float) -> Row:
    """Times of both passes, and how they compare with the bytes' limit."""
    inputs = arguments(case, device, dtype)
    grad = slope(case, inputs[0])
    least = compulsory_bytes(inputs, grad)
    corners = 4 * inputs[2].numel() * case.channels * inputs[0].itemsize
    row: Row = {}
    for name, call in calls(backend, case, inputs, grad).items():
        found = milliseconds(call, device)
        limit = least[name] / bandwidth / 1e6
        row.update({f'{name}, ms': found,
                    f'{name} call, ms': wall_milliseconds(call, device),
                    f'{name} limit, ms': limit,
                    f'{name} / limit': found / limit,
                    f'{name}, GB/s': least[name] / found / 1e6,
                    f'{name}, corners GB/s': corners / found / 1e6})
        if backend == 'triton':
            row.update(tuning(name))
    return row


def run(settings: Settings) -> Section:
    """Yield a row a case, backend and type."""
    device = settings.device
    bandwidth = copy_gigabytes(device, settings.quick)
    usable = [name for name in ('triton', 'mmcv')
              if not available_backends()[name]]
    cases = {'tiny': TINY} if settings.quick else CASES
    for name, case in cases.items():
        for dtype_name in ('float32', 'bfloat16'):
            for backend in [*usable, PEER, 'torch']:
                # mmcv's op has no bfloat16, and the slow forms need no second
                # look.
                if backend != 'triton' and dtype_name != 'float32':
                    continue
                yield guarded(
                    {'case': name, 'backend': backend, 'type': dtype_name},
                    lambda: measure(backend, case,  # noqa: B023
                                    DTYPES[dtype_name],  # noqa: B023
                                    device, bandwidth))
