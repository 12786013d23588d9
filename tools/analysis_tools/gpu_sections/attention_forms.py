"""Ways to compute SAM's attention with relative positions.

Each form takes the arguments of
:func:`mmdbsam.models.backbones.rel_pos_attention.attend_folded`.
"""

from contextlib import contextmanager
from functools import cache
from typing import Any, Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from mmdbsam.models.backbones import rel_pos_attention
from mmdbsam.models.backbones.rel_pos_attention import (
    attend_at_once,
    attend_folded,
)
from mmdbsam.models.backbones.rel_pos_fused import attend_fused


def by_mask(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
            by_column: Tensor) -> Tensor:
    """Add the terms up to a mask of all pairs for torch's fused kernels."""
    mask = (by_row[..., None] + by_column[..., None, :]).flatten(4)
    return F.scaled_dot_product_attention(
        *(part.flatten(2, 3) for part in (q, k, v)),
        attn_mask=mask.flatten(2, 3).to(q.dtype), scale=1.)


@cache
def _compiled() -> Callable:
    from torch.nn.attention.flex_attention import flex_attention
    return torch.compile(flex_attention, dynamic=False)


def by_flex(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
            by_column: Tensor) -> Tensor:
    """Let torch compile a fused kernel that adds the terms."""
    width = q.shape[3]
    rows, columns = by_row.flatten(2, 3), by_column.flatten(2, 3)

    def add(score: Tensor, b: Tensor, h: Tensor, query: Tensor,
            key: Tensor) -> Tensor:
        return (score + rows[b, h, query, key // width]
                + columns[b, h, query, key % width])

    return _compiled()(*(part.flatten(2, 3) for part in (q, k, v)),
                       score_mod=add, scale=1.)


def without(q: Tensor, k: Tensor, v: Tensor, *_: Tensor) -> Tensor:
    """Leave the positions out, to show what they cost."""
    return F.scaled_dot_product_attention(
        *(part.flatten(2, 3) for part in (q, k, v)), scale=1.)


def forced(form: Callable, backend: SDPBackend) -> Callable:
    """A form in which torch must take one of its fused kernels."""

    def attend(*args: Any) -> Tensor:
        with sdpa_kernel(backend):
            return form(*args)

    return attend


FORMS = {
    'segment_anything': attend_at_once,
    'mask': by_mask,
    'mask, efficient': forced(by_mask, SDPBackend.EFFICIENT_ATTENTION),
    'mask, cudnn': forced(by_mask, SDPBackend.CUDNN_ATTENTION),
    'folded': attend_folded,
    'folded, flash': forced(attend_folded, SDPBackend.FLASH_ATTENTION),
    'folded, efficient': forced(attend_folded,
                                SDPBackend.EFFICIENT_ATTENTION),
    'folded, cudnn': forced(attend_folded, SDPBackend.CUDNN_ATTENTION),
    'flex': by_flex,
    'triton': attend_fused,
    'without positions': without,
}


def can_multiply(device: str, dtype_name: str) -> bool:
    """Whether Triton multiplies matrices of a type.

    Its interpreter, which runs on CPUs, takes bfloat16 for integers.
    """
    return device == 'cuda' or dtype_name != 'bfloat16'


@contextmanager
def used(form: Callable) -> Iterator[None]:
    """Have the encoders compute their attention in one form."""
    before = rel_pos_attention._form
    rel_pos_attention._form = lambda q, terms: form
    try:
        yield
    finally:
        rel_pos_attention._form = before
