"""Time multi-scale deformable attention against mmcv's pure-torch function.

``python tools/analysis_tools/benchmark_msda.py``

The runs of all backends are interleaved, so that other load on the machine
falls on all of them. The medians and their ratios are printed. Memory is the
peak that a call needs beyond its inputs and results, measured in a process of
its own. The error is the largest of the output and the gradients against
float64, relative to the largest value.
"""

import argparse
import math
import multiprocessing
import statistics
import time
from typing import Callable, Dict, List, NamedTuple, Sequence, Tuple

import torch
from torch import Tensor

from mmdbsam.engine.memory import peak_memory, restart_peak
from mmdbsam.errors import InputError, run_cli
from mmdbsam.ops import available_backends, multi_scale_deformable_attn
from mmdbsam.ops.backends.mmcv_backend import pure_torch_function
from mmdbsam.ops.shapes import Shapes, level_starts

PEER = 'mmcv, pure torch'


class Case(NamedTuple):
    """The shapes of a call."""

    shapes: Shapes
    queries: int
    heads: int
    channels: int
    points: int = 4


GRID = (64, 64)
CASES = {
    'ViT-B reads 4 conv levels': Case([GRID] * 4, 4096, 12, 64),
    '4 conv levels read ViT-B': Case([GRID], 16384, 12, 64),
    'DB-SAM+ pyramid': Case([GRID] * 5, 20480, 12, 64),
    'TinyViT, first stage': Case([GRID] * 4, 4096, 2, 32),
    'TinyViT, last stage': Case([(16, 16)] * 4, 256, 10, 32),
}


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=9)
    parser.add_argument('--case', help='run only the cases whose names '
                        'contain this')
    parser.add_argument('--device', default='cpu')
    return parser.parse_args()


def arguments(case: Case, device: str,
              dtype: torch.dtype = torch.float32) -> List[Tensor]:
    """The value, locations around the queries' own pixels, and weights."""
    generator = torch.Generator().manual_seed(0)
    levels = len(case.shapes)
    tokens = sum(h * w for h, w in case.shapes)
    samples = (1, case.queries, case.heads, levels, case.points)
    h, w = case.shapes[0]
    query = torch.arange(case.queries) % (h * w)
    centres = torch.stack([(query % w + 0.5) / w, (query // w + 0.5) / h], -1)
    offsets = torch.randn(*samples, 2, generator=generator) * 4 / max(h, w)
    inputs = (torch.randn(1, tokens, case.heads, case.channels,
                          generator=generator),
              centres.view(1, -1, 1, 1, 1, 2) + offsets,
              torch.rand(samples, generator=generator))
    return [x.to(device, dtype).requires_grad_() for x in inputs]


def caller(backend: str, shapes: Shapes) -> Callable[..., Tensor]:
    """A function of value, locations and weights."""
    if backend == PEER:
        peer, spatial_shapes = pure_torch_function(), torch.tensor(shapes)
        return lambda value, *rest: peer(value, spatial_shapes, *rest)
    return lambda value, *rest: multi_scale_deformable_attn(
        value, shapes, level_starts(shapes), *rest, backend=backend)


def slope(case: Case, like: Tensor) -> Tensor:
    """The gradient of the output."""
    shape = (1, case.queries, case.heads * case.channels)
    slope = torch.linspace(-1, 1, math.prod(shape)).view(shape)
    return slope.to(like.device, like.dtype)


def gradients(function: Callable, inputs: Sequence[Tensor],
              grad: Tensor) -> List[Tensor]:
    """The output and the gradients of all inputs."""
    output = function(*inputs)
    return [output, *torch.autograd.grad(output, inputs, grad)]


def seconds(run: Callable, device: str) -> float:
    """The time of one run."""
    start = time.perf_counter()
    run()
    if device == 'cuda':
        torch.cuda.synchronize()
    return time.perf_counter() - start


def medians(case: Case, backends: Sequence[str], device: str,
            runs: int) -> Dict[str, Tuple[float, float]]:
    """Seconds of the forward, and of both passes, for each backend."""
    inputs = arguments(case, device)
    grad = slope(case, inputs[0])
    times: Dict[Tuple[str, bool], List[float]] = {}
    for run in range(runs + 1):
        for backend in backends:
            function = caller(backend, case.shapes)
            with torch.no_grad():
                forward = seconds(
                    lambda: function(*inputs), device)  # noqa: B023
            both = seconds(
                lambda: gradients(function, inputs, grad), device)  # noqa: B023
            if run:  # the first run compiles
                times.setdefault((backend, False), []).append(forward)
                times.setdefault((backend, True), []).append(both)
    return {backend: tuple(statistics.median(times[backend, is_both])
                           for is_both in (False, True))
            for backend in backends}


def largest_error(case: Case, backend: str, device: str) -> float:
    """The error of output and gradients against torch in float64."""
    inputs = arguments(case, device)
    doubles = [x.detach().double().requires_grad_() for x in inputs]
    found = gradients(caller(backend, case.shapes), inputs,
                      slope(case, inputs[0]))
    wanted = gradients(caller('torch', case.shapes), doubles,
                       slope(case, doubles[0]))
    return max(((ours - reference).abs().max() / reference.abs().max()).item()
               for ours, reference in zip(found, wanted, strict=True))


def extra_memory(case: Case, backend: str, device: str) -> float:
    """The peak bytes of forward and backward beyond inputs and results."""
    # The first call compiles, so it is a small one.
    for shapes in (case._replace(queries=1), case):
        inputs = arguments(shapes, device)
        grad = slope(shapes, inputs[0])
        before = restart_peak(device)
        results = gradients(caller(backend, shapes.shapes), inputs, grad)
    size = sum(x.numel() * x.element_size() for x in results)
    return max(0, peak_memory(device) - before - size)


def copy_bandwidth() -> float:
    """The bytes that this machine reads and writes per second in a copy."""
    source, target = torch.rand(2, 1 << 26).unbind()
    times = [seconds(lambda: target.copy_(source), 'cpu') for _ in range(7)]
    return 2 * source.numel() * 4 / statistics.median(times)


def limits(case: Case, forward: float, bandwidth: float) -> str:
    """The bytes that a forward call moves, and the least time they take."""
    value, locations, weights = arguments(case, 'cpu')
    output = case.queries * case.heads * case.channels
    once = 4 * (value.numel() + locations.numel() + weights.numel() + output)
    reads = weights.numel() * 4 * case.channels * 4
    return (f'inputs and output are {once / 1e6:.0f} MB, which take '
            f'{once / bandwidth * 1e3:.1f} ms at the {bandwidth / 1e9:.0f} '
            f'GB/s that a copy reaches; numba takes {forward * 1e3:.1f} ms. '
            f'The corners of the samples are {reads / 1e9:.2f} GB, read from '
            f'the caches at {reads / forward / 1e9:.0f} GB/s.')


def main() -> None:
    args = parse_args()
    cases = {name: case for name, case in CASES.items()
             if not args.case or args.case in name}
    if not cases:
        raise InputError(f"--case: expected a part of one of {list(CASES)}, "
                         f"found '{args.case}'")
    backends = [PEER]
    for name, reason in available_backends().items():
        only_on = {'numba': 'cpu', 'mmcv': 'cuda', 'triton': 'cuda'}
        if reason or only_on.get(name, args.device) != args.device:
            print(f'{name}: left out ({reason or "not for this device"})')
        else:
            backends.append(name)
    print(f'{torch.get_num_threads()} threads, float32, medians of '
          f'{args.runs} interleaved runs\n')
    print('| case | backend | forward, ms | ratio | with backward, ms | ratio '
          '| extra memory, MB | largest error |')
    print('|---|---|---:|---:|---:|---:|---:|---:|')
    context = multiprocessing.get_context('spawn')
    forwards = {}
    for name, case in cases.items():
        times = medians(case, backends, args.device, args.runs)
        for backend, (forward, both) in times.items():
            with context.Pool(1) as pool:
                extra = pool.apply(extra_memory, (case, backend, args.device))
            print(f'| {name} | {backend} | {forward * 1e3:.1f} '
                  f'| {times[PEER][0] / forward:.1f} | {both * 1e3:.1f} '
                  f'| {times[PEER][1] / both:.1f} | {extra / 1e6:.1f} '
                  f'| {largest_error(case, backend, args.device):.1e} |',
                  flush=True)
        forwards[name] = times.get('numba', (None, None))[0]
    if 'numba' in backends:
        bandwidth = copy_bandwidth()
        for name, case in cases.items():
            print(f'\n{name}: {limits(case, forwards[name], bandwidth)}')


if __name__ == '__main__':
    run_cli(main)
