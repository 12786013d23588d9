"""SAM's attention with relative positions, without its N x N matrix.

For a query at (y, x) and a key at (y', x'), ``segment_anything`` adds
``q . R_h[y - y'] + q . R_w[x - x']`` to the scaled product of q and k, on a
score matrix that it keeps: 0.8 GB for the 64 x 64 positions and 12 heads of
ViT-B in float32, several times over. Here the attention is computed in one of
several forms, whose times are in docs/performance.md. Exported models compute
it as ``segment_anything`` does, because their runtimes have no fused kernels
and no loops over blocks.

The folded form uses that both terms are inner products too. With the terms for
all rows y' and all columns x' appended to the query, and one-hot row and
column numbers appended to the key ::

    q' = [q / sqrt(d), q . R_h[y - 0..h], q . R_w[x - 0..w]]
    k' = [k,           onehot(y'),        onehot(x')       ]

the attention is softmax(q' k'^T), which torch's fused kernels compute in
tiles, forward and backward.

The form in blocks computes the scores, terms and softmax of a few rows of
queries at a time, which stay in a CPU's cache. It needs a third of the
arithmetic, but it has no backward pass. The fused forms do the same in one
kernel, see :mod:`mmdbsam.ops.fused` for CPUs and :mod:`.rel_pos_fused` for
float32 on GPUs. In 16 bits, torch's kernels are faster there.
"""

from typing import Callable, Tuple

import torch
import torch.nn.functional as F
from mmpretrain.models.backbones.vit_sam import Attention
from torch import Tensor, nn

from mmdbsam.models.backbones.rel_pos_fused import (
    attend_fused,
    can_attend_fused,
)
from mmdbsam.ops import fused

# The number of scores that a thread computes at a time, 4 MB in float32.
_BLOCK = 1 << 20


class RelPosAttention(nn.Module):
    """Attention within windows or over the whole map.

    The module takes over the parameters of mmpretrain's ``Attention``, under
    the same names. As in SAM, windows at the right and bottom are filled up
    with zeros before the projection, and these positions are attended to. Here
    they cost no projection, as all of them project to the bias.

    Args:
        attention: The attention of mmpretrain whose parameters are used.
        window_size: Side of the windows, in tokens, or 0 for one window that
            is the whole map.
    """

    # The dimension of q, k and v in the projection (..., 3, heads, d).
    qkv_dim = -3

    def __init__(self, attention: Attention, window_size: int) -> None:
        super().__init__()
        self.num_heads = attention.num_heads
        self.scale = attention.scale
        self.window_size = window_size
        self.qkv = attention.qkv
        self.proj = attention.proj
        self.use_rel_pos = attention.use_rel_pos
        if self.use_rel_pos:
            self.rel_pos_h = attention.rel_pos_h
            self.rel_pos_w = attention.rel_pos_w

    def forward(self, x: Tensor) -> Tensor:
        """Let the tokens (B, h, w, C) attend to each other."""
        return self.proj(self.attend(self.qkv(x)))

    def attend(self, qkv: Tensor) -> Tensor:
        """Attend with the tokens' projections (B, h, w, 3 C) to (B, h, w, C).

        The result is contiguous; a linear layer takes only such a map as one
        matrix.
        """
        batch, height, width, _ = qkv.shape
        window = (self.window_size, ) * 2 if self.window_size else (height,
                                                                    width)
        rows, columns = (-(-side // part) for side, part in
                         zip((height, width), window, strict=True))
        qkv = self._fill(qkv, rows * window[0], columns * window[1])
        # (3, B, rows, columns, heads, window, window, d)
        qkv = qkv.view(batch, rows, window[0], columns, window[1], 3,
                       self.num_heads, -1).permute(5, 0, 1, 3, 6, 2, 4, 7)
        q, k, v = qkv.flatten(1, 3)
        x = self._attend(q, k, v)
        x = x.view(batch, rows, columns, self.num_heads, *window, -1)
        x = x.permute(0, 1, 4, 2, 5, 3, 6).reshape(
            batch, rows * window[0], columns * window[1], -1)
        return x[:, :height, :width].contiguous()

    def _fill(self, qkv: Tensor, height: int, width: int) -> Tensor:
        """Enlarge the projection (B, h, w, 3 C) at the right and bottom."""
        if qkv.shape[1:3] == (height, width):
            return qkv
        shape = (len(qkv), height, width, qkv.shape[-1])
        filled = (qkv.new_zeros(shape) if self.qkv.bias is None else
                  self.qkv.bias.to(qkv.dtype).expand(shape).clone())
        filled[:, :qkv.shape[1], :qkv.shape[2]] = qkv
        return filled

    def _attend(self, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Attend with q, k and v (n, heads, h, w, d).

        The attended values are (n, heads, h w, d).
        """
        if not self.use_rel_pos:
            return F.scaled_dot_product_attention(
                *(part.flatten(2, 3) for part in (q, k, v)))
        by_row, by_column = position_terms(q, self.rel_pos_h, self.rel_pos_w)
        return _form(q, by_row)(q * self.scale, k, v, by_row, by_column)


def _form(q: Tensor, terms: Tensor) -> Callable:
    """The fastest way to attend, given queries and the terms of rows."""
    if torch.onnx.is_in_onnx_export():
        return attend_at_once
    if fused.can_fuse(terms):
        return fused.rel_pos_attention
    if can_attend_fused(q):
        return attend_fused
    return attend_in_blocks if _blocks_are_faster(terms) else attend_folded


def position_terms(q: Tensor, rel_pos_h: Tensor,
                   rel_pos_w: Tensor) -> Tuple[Tensor, Tensor]:
    """The terms that positions add to a query's scores with the keys.

    Args:
        q: The queries, not scaled, (n, heads, h, w, d).
        rel_pos_h: The embeddings of the distances of rows, (2 h - 1, d).
        rel_pos_w: The embeddings of the distances of columns, (2 w - 1, d).

    Returns:
        tuple: The terms for the keys of each row, (n, heads, h, w, h), and of
        each column, (n, heads, h, w, w).
    """
    height, width = q.shape[2:4]
    return (torch.einsum('nhyxc,ykc->nhyxk', q,
                         _by_distance(rel_pos_h, height)),
            torch.einsum('nhyxc,xkc->nhyxk', q,
                         _by_distance(rel_pos_w, width)))


def attend_folded(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
                  by_column: Tensor) -> Tensor:
    """Attend by torch's fused kernels.

    Args:
        q: The scaled queries, (n, heads, h, w, d).
        k: The keys, of the same shape.
        v: The values, of the same shape.
        by_row: The terms of the keys' rows, (n, heads, h, w, h), see
            :func:`position_terms`.
        by_column: The terms of the keys' columns, (n, heads, h, w, w).

    Returns:
        Tensor: The attended values, (n, heads, h w, d).
    """
    height, width, channels = q.shape[2:]
    row, column = (torch.eye(side, dtype=k.dtype, device=k.device)
                   for side in (height, width))
    one_hot = torch.cat([row[:, None].expand(-1, width, -1),
                         column.expand(height, -1, -1)], dim=-1)
    q = torch.cat([q, by_row, by_column], dim=-1)
    k = torch.cat([k, one_hot.expand(*k.shape[:2], -1, -1, -1)], dim=-1)
    # The fused kernels of the CPU need keys and values of the same width.
    v = F.pad(v, (0, height + width))
    x = F.scaled_dot_product_attention(
        *(part.flatten(2, 3) for part in (q, k, v)), scale=1.)
    return x[..., :channels]


def attend_at_once(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
                   by_column: Tensor) -> Tensor:
    """Do as :func:`attend_folded`, but with the score matrix, for exports."""
    q, k, v = (part.flatten(2, 3) for part in (q, k, v))
    scores = (q @ k.mT).view(*by_row.shape, -1)
    scores = scores + by_row[..., None] + by_column[..., None, :]
    return scores.view(*q.shape[:3], -1).softmax(-1) @ v


def attend_in_blocks(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
                     by_column: Tensor) -> Tensor:
    """Do as :func:`attend_folded`, but for inference on a CPU."""
    n, num_heads, height, width, channels = q.shape
    q, k, v, by_row, by_column = (part.flatten(0, 1)
                                  for part in (q, k, v, by_row, by_column))
    k, v = k.flatten(1, 2).mT.contiguous(), v.flatten(1, 2)
    tokens = height * width
    heads = torch.get_num_threads() * max(1, _BLOCK // tokens**2)
    rows = max(1, _BLOCK // (tokens * width))
    x = torch.empty_like(q)
    for head in range(0, n * num_heads, heads):
        of_heads = slice(head, head + heads)
        for row in range(0, height, rows):
            block = of_heads, slice(row, row + rows)
            scores = q[block].flatten(1, 2) @ k[of_heads]
            terms = scores.view(*q[block].shape[:3], height, width)
            terms += by_row[block][..., None]
            terms += by_column[block][..., None, :]
            x[block] = (scores.softmax(-1) @ v[of_heads]).view(
                *q[block].shape)
    return x.view(n, num_heads, tokens, channels)


def _blocks_are_faster(scores: Tensor) -> bool:
    """Whether to attend in blocks, given the terms (n, heads, h, w, h)."""
    if scores.is_meta:
        # The folded form would add its own operations to those that are
        # counted for the attention.
        return True
    if (scores.requires_grad or scores.is_cuda
            or torch.compiler.is_compiling()):
        return False
    if scores.dtype != torch.bfloat16:
        return True
    # torch's kernel is faster on CPUs with matrix units, and for windows.
    height, width = scores.shape[2:4]
    return (height * width > 1024
            and not torch.cpu._is_amx_tile_supported())


def _by_distance(rel_pos: Tensor, side: int) -> Tensor:
    """Arrange embeddings (2 side - 1, d) by pair of positions.

    The result is (side, side, d): the embedding of each pair's distance.
    """
    positions = torch.arange(side, device=rel_pos.device)
    return rel_pos[positions[:, None] - positions + side - 1]
