"""MSDA's backends against the reference in float64, and opcheck."""

import torch
from benchmark_msda import CASES, Case, arguments, slope

from gpu_sections.measuring import DTYPES, Row, Section, Settings, guarded
from mmdbsam.ops import available_backends
from mmdbsam.ops.backends import BACKENDS
from mmdbsam.ops.torch_operator import msda, msda_backward

# The largest error that is allowed, relative to the largest number.
TOLERANCES = {'float32': 1e-5, 'bfloat16': 2e-2, 'float16': 2e-3}
_CHECKED = ('ViT-B reads 4 conv levels', 'TinyViT, last stage')
NAMES = ('output', 'value', 'locations', 'weights')
TINY = Case([(5, 7), (3, 2)], 9, 3, 8)


def errors(case: Case, backend: str, device: str,
           dtype: torch.dtype) -> Row:
    """The errors of output and gradients, relative to the largest value."""
    inputs = [x.detach() for x in arguments(case, device, dtype)]
    grad = slope(case, inputs[0])
    module, reference = BACKENDS[backend], BACKENDS['torch']
    value, *samples = inputs
    found = [module.forward(value, case.shapes, *samples),
             *module.backward(grad, value, case.shapes, *samples)]
    value, *samples = [x.double() for x in inputs]
    wanted = [reference.forward(value, case.shapes, *samples),
              *reference.backward(grad.double(), value, case.shapes,
                                  *samples)]
    return {name: ((ours.double() - theirs).abs().max()
                   / theirs.abs().max()).item()
            for name, ours, theirs in zip(NAMES, found, wanted, strict=True)}


def opcheck(backend: str, device: str, dtype: torch.dtype) -> Row:
    """Whether torch accepts both operators."""
    value, locations, weights = arguments(TINY, device, dtype)
    flat = [side for shape in TINY.shapes for side in shape]
    torch.library.opcheck(msda, (value, flat, locations, weights, backend))
    grad = slope(TINY, value).requires_grad_()
    torch.library.opcheck(
        msda_backward, (grad, value, flat, locations, weights, backend))
    return {'passes': True}


def run(settings: Settings) -> Section:
    """Yield a row a backend, case and type."""
    device = settings.device
    cases = {'tiny': TINY}
    if not settings.quick:
        # The others have the same levels, and float64 takes its time.
        cases.update((name, CASES[name]) for name in _CHECKED)
    for backend in ('triton', 'mmcv'):
        reason = available_backends()[backend]
        if reason:
            yield {'backend': backend, 'error': reason}
            continue
        kinds = getattr(BACKENDS[backend], 'DTYPES', ())
        for dtype_name, dtype in DTYPES.items():
            if dtype not in kinds:
                continue
            yield guarded(
                {'backend': backend, 'case': 'opcheck', 'type': dtype_name},
                lambda: opcheck(backend, device, dtype))  # noqa: B023
            for name, case in cases.items():
                row = guarded(
                    {'backend': backend, 'case': name, 'type': dtype_name},
                    lambda: errors(case, backend, device, dtype))  # noqa: B023
                if 'error' not in row:
                    row['passes'] = all(row[part] <= TOLERANCES[dtype_name]
                                        for part in NAMES)
                yield row
