"""Compiles all candidates of the Triton kernels, on all cores at once.

The tuner would compile them one after the other.
"""

import time
from typing import Tuple

import torch
from benchmark_msda import CASES, Case, arguments, slope

from gpu_sections.measuring import DTYPES, Section, Settings, processes
from mmdbsam.models.backbones.rel_pos_fused import (
    rel_pos_attention,
    rel_pos_attention_backward,
)
from mmdbsam.ops.backends import BACKENDS

# Batch, heads, side and channels of a head. Of ViT-L's and ViT-H's, only the
# encodings are timed.
TRAINED = [(1, 12, 64, 64), (25, 12, 14, 64)]
ENCODED = [(1, 16, 64, 64), (25, 16, 14, 64), (1, 16, 64, 80),
           (25, 16, 14, 80)]
# The candidates of a kernel are compiled by so many processes.
PARTS = 2
Task = Tuple[object, str, int]


def compile_only(part: int) -> None:
    """Have the tuner compile some of its candidates, and run none."""
    from triton.runtime.autotuner import Autotuner

    def run(self: Autotuner, *args: object, grid: object, warmup: bool,
            **kwargs: object) -> None:
        self.nargs = dict(zip(self.arg_names, args, strict=False))
        for config in self.prune_configs(kwargs)[part::PARTS]:
            self.fn.warmup(*args, grid=grid, **kwargs, **config.all_kwargs())
        self.best_config = self.configs[0]

    Autotuner.run = run


def prepare(task: Task) -> str:
    """Compile the kernels of a case of MSDA, or of an attention."""
    shape, dtype = task[0], DTYPES[task[1]]
    try:
        compile_only(task[2])
        if isinstance(shape, Case):
            inputs = [x.detach() for x in arguments(shape, 'cuda', dtype)]
            value, *samples = inputs
            module = BACKENDS['triton']
            module.forward(value, shape.shapes, *samples)
            module.backward(slope(shape, value), value, shape.shapes,
                            *samples)
        else:
            batch, heads, side, channels = shape
            q = torch.zeros(batch, heads, side, side, channels, device='cuda',
                            dtype=dtype)
            terms = q.new_zeros(batch, heads, side, side, side)
            out, lse = rel_pos_attention(q, q, q, terms, terms)
            if shape in TRAINED:
                rel_pos_attention_backward(out, out, lse, q, q, q, terms,
                                           terms)
    except Exception as error:
        return f'{type(error).__name__}: {error}'[:300]
    return ''


def run(settings: Settings) -> Section:
    """Yield a row with the seconds that it took, and one for each failure."""
    if settings.device != 'cuda':
        yield {'what': 'nothing is compiled for a CPU'}
        return
    start = time.monotonic()
    # The largest first: what takes longest should not begin last.
    tasks = [(shape, dtype, part) for dtype in ('float32', 'bfloat16')
             for shape in [*TRAINED, *ENCODED, *CASES.values()]
             for part in range(PARTS)
             if dtype == 'float32' or shape not in ENCODED]
    # A process of its own each time, since a launcher asks its tuner once.
    with processes().Pool(14, maxtasksperchild=1) as pool:
        for task, failure in zip(tasks, pool.imap(prepare, tasks, 1),
                                 strict=True):
            if failure:
                yield {'what': str(task), 'error': failure}
    yield {'what': f'{len(tasks)} cases',
           'seconds': time.monotonic() - start}
