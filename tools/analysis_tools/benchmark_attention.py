"""Time the forms of SAM's attention on the shapes of ViT-B at 1024 px.

``python tools/analysis_tools/benchmark_attention.py`` times the part between
the projections in three forms: that of ``segment_anything``, which keeps all
scores, and the two of :mod:`mmdbsam.models.backbones.rel_pos_attention`. For
comparison, it also times torch's attention without relative positions. The
runs are interleaved, and medians are printed.
"""

import argparse
import time
from statistics import median
from typing import Dict, List

import torch
import torch.nn.functional as F
from segment_anything.modeling.image_encoder import add_decomposed_rel_pos
from torch import Tensor

from mmdbsam.errors import run_cli
from mmdbsam.models.backbones.rel_pos_attention import (
    attend_folded,
    attend_in_blocks,
    position_terms,
)

HEADS, CHANNELS = 12, 64
SHAPES = {'global, 64 x 64': (1, 64), '25 windows, 14 x 14': (25, 14)}
DTYPES = {'float32': torch.float32, 'bfloat16': torch.bfloat16}


def segment_anything(q: Tensor, k: Tensor, v: Tensor, rel_pos_h: Tensor,
                     rel_pos_w: Tensor) -> Tensor:
    """The form of ``segment_anything``'s ``Attention.forward``."""
    side = q.shape[2:4]
    q, k, v = (part.flatten(2, 3).flatten(0, 1) for part in (q, k, v))
    scores = add_decomposed_rel_pos((q * CHANNELS**-0.5) @ k.mT, q, rel_pos_h,
                                    rel_pos_w, side, side)
    return (scores.softmax(dim=-1) @ v).unflatten(0, (-1, HEADS))


def folded(q: Tensor, k: Tensor, v: Tensor, *rel_pos: Tensor) -> Tensor:
    """The form that uses torch's fused kernels."""
    return attend_folded(q * CHANNELS**-0.5, k, v,
                         *position_terms(q, *rel_pos))


def blocks(q: Tensor, k: Tensor, v: Tensor, *rel_pos: Tensor) -> Tensor:
    """The form that computes blocks of rows."""
    return attend_in_blocks(q * CHANNELS**-0.5, k, v,
                            *position_terms(q, *rel_pos))


def without_positions(q: Tensor, k: Tensor, v: Tensor,
                      *_: Tensor) -> Tensor:
    """Attention without positions, to show what the positions cost."""
    return F.scaled_dot_product_attention(
        *(part.flatten(2, 3) for part in (q, k, v)))


FORMS = (segment_anything, folded, blocks, without_positions)


@torch.inference_mode()
def medians(windows: int, side: int, dtype: torch.dtype,
            runs: int) -> Dict[str, float]:
    """The median seconds of each form."""
    generator = torch.Generator().manual_seed(0)
    shape = (windows, HEADS, side, side, CHANNELS)
    parts = torch.randn(3, *shape, generator=generator).to(dtype)
    rel_pos = torch.randn(2, 2 * side - 1, CHANNELS, generator=generator)
    inputs = *parts, *(rel_pos * 0.02).to(dtype)
    seconds: Dict[str, List[float]] = {}
    for run in range(runs + 1):
        for form in FORMS:
            start = time.perf_counter()
            form(*inputs)
            if run:  # the first run compiles
                seconds.setdefault(form.__name__, []).append(
                    time.perf_counter() - start)
    return {name: median(values) for name, values in seconds.items()}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--runs', type=int, default=5)
    runs = parser.parse_args().runs
    print(f'{torch.get_num_threads()} threads, medians of {runs}, ms\n')
    names = [form.__name__.replace('_', ' ') for form in FORMS]
    print(f'| shape | type | {" | ".join(names)} |\n|---|---'
          + '|---:' * len(names) + '|')
    for shape, (windows, side) in SHAPES.items():
        for dtype in DTYPES:
            found = medians(windows, side, DTYPES[dtype], runs)
            cells = ' | '.join(f'{value * 1e3:.0f}'
                               for value in found.values())
            print(f'| {shape} | {dtype} | {cells} |', flush=True)


if __name__ == '__main__':
    run_cli(main)
