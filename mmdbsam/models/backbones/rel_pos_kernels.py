"""The kernels of SAM's attention with relative positions, in Triton.

They are those of FlashAttention-2 (arXiv:2307.08691), with keys in blocks of
one row of the map: the keys of a block share the term of their row, and each
has the term of its column, a tile that serves all blocks. The scores are in
base 2, so that ``LOG2_E`` multiplies them.
"""

from typing import Any, Callable, Dict

import triton
import triton.language as tl

from mmdbsam.ops.tuning import tuned

# The number of queries of a program, its warps, and the steps of its pipeline.
# The first need the least shared memory.
_CANDIDATES = {'forward': [(64, 4, 2), (64, 4, 3), (128, 8, 3)],
               'query': [(32, 8, 1), (32, 4, 2), (64, 4, 2), (64, 8, 1)],
               'key': [(32, 8, 1), (32, 4, 2), (64, 4, 2), (64, 8, 1)]}
# Maps of fewer tokens are over before the choice matters.
_SMALL = 128

LOG2_E = tl.constexpr(1.4426950408889634)


def _suits(config: triton.Config, arguments: Dict[str, Any]) -> bool:
    return arguments['height'] * arguments['width'] >= _SMALL


def _tuned(name: str) -> Callable:
    configs = [triton.Config(dict(BLOCK_M=queries), num_warps=warps,
                             num_stages=stages)
               for queries, warps, stages in _CANDIDATES[name]]
    return tuned(configs, ('height', 'width', 'D'), _suits)


@triton.jit
def _tile(base, rows, row_stride, row_mask, D: tl.constexpr,
          BLOCK_D: tl.constexpr):
    """Read rows of D channels, with zeros for those that do not exist."""
    channel = tl.arange(0, BLOCK_D)
    return tl.load(base + rows[:, None] * row_stride + channel[None, :],
                   mask=row_mask[:, None] & (channel < D)[None, :], other=0.)


@triton.jit
def _columns(by_column, queries, is_query, width, BLOCK_N: tl.constexpr):
    """The terms of the columns, minus infinity where there is no column."""
    column = tl.arange(0, BLOCK_N)
    terms = tl.load(by_column + queries[:, None] * width + column[None, :],
                    mask=is_query[:, None] & (column < width)[None, :],
                    other=0.).to(tl.float32) * LOG2_E
    return tl.where((column < width)[None, :], terms, float('-inf'))


@_tuned('forward')
@triton.jit
def forward_kernel(q, k, v, by_row, by_column, out, lse, heads, height, width,
                   q_n, q_head, q_token, k_n, k_head, k_token, v_n, v_head,
                   v_token, o_n, o_head, o_token, D: tl.constexpr,
                   BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr,
                   PRECISION: tl.constexpr, BLOCK_M: tl.constexpr):
    plane = tl.program_id(1).to(tl.int64)
    n, head = plane // heads, plane % heads
    tokens = height * width
    query = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    is_query = query < tokens
    column = tl.arange(0, BLOCK_N)
    is_column = column < width
    queries = _tile(q + n * q_n + head * q_head, query, q_token, is_query, D,
                    BLOCK_D)
    k += n * k_n + head * k_head
    v += n * v_n + head * v_head
    by_row += plane * tokens * height
    columns = _columns(by_column + plane * tokens * width, query, is_query,
                       width, BLOCK_N)
    largest = tl.full((BLOCK_M, ), float('-inf'), tl.float32)
    total = tl.zeros((BLOCK_M, ), tl.float32)
    attended = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    for row in range(height):
        token = row * width + column
        keys = _tile(k, token, k_token, is_column, D, BLOCK_D)
        term = tl.load(by_row + query * height + row, mask=is_query,
                       other=0.).to(tl.float32) * LOG2_E
        scores = tl.dot(queries, tl.trans(keys), input_precision=PRECISION)
        scores = scores * LOG2_E + (columns + term[:, None])
        new = tl.maximum(largest, tl.max(scores, 1))
        shares = tl.exp2(scores - new[:, None])
        keep = tl.exp2(largest - new)
        total = total * keep + tl.sum(shares, 1)
        values = _tile(v, token, v_token, is_column, D, BLOCK_D)
        attended = tl.dot(shares.to(values.dtype), values,
                          attended * keep[:, None], input_precision=PRECISION)
        largest = new
    channel = tl.arange(0, BLOCK_D)
    tl.store(out + n * o_n + head * o_head + query[:, None] * o_token
             + channel[None, :],
             (attended / total[:, None]).to(out.dtype.element_ty),
             mask=is_query[:, None] & (channel < D)[None, :])
    tl.store(lse + plane * tokens + query, largest + tl.log2(total),
             mask=is_query)


@triton.jit
def _slopes(queries, keys, values, grads, columns, term, sums, delta,
            PRECISION: tl.constexpr):
    """The attention of pairs, and the gradients of their scores."""
    scores = tl.dot(queries, tl.trans(keys), input_precision=PRECISION)
    scores = scores * LOG2_E + (columns + term[:, None])
    shares = tl.exp2(scores - sums[:, None])
    gains = tl.dot(grads, tl.trans(values), input_precision=PRECISION)
    return shares, shares * (gains - delta[:, None])


@_tuned('query')
@triton.jit
def query_kernel(q, k, v, by_row, by_column, grad, lse, delta, grad_q,
                 grad_row, grad_column, heads, height, width, q_n, q_head,
                 q_token, k_n, k_head, k_token, v_n, v_head, v_token, o_n,
                 o_head, o_token, D: tl.constexpr, BLOCK_D: tl.constexpr,
                 BLOCK_N: tl.constexpr, PRECISION: tl.constexpr,
                 BLOCK_M: tl.constexpr):
    """The gradients of the queries and of their terms."""
    plane = tl.program_id(1).to(tl.int64)
    n, head = plane // heads, plane % heads
    tokens = height * width
    query = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    is_query = query < tokens
    column = tl.arange(0, BLOCK_N)
    is_column = column < width
    queries = _tile(q + n * q_n + head * q_head, query, q_token, is_query, D,
                    BLOCK_D)
    grads = _tile(grad + n * o_n + head * o_head, query, o_token, is_query, D,
                  BLOCK_D)
    k += n * k_n + head * k_head
    v += n * v_n + head * v_head
    by_row += plane * tokens * height
    grad_row += plane * tokens * height
    columns = _columns(by_column + plane * tokens * width, query, is_query,
                       width, BLOCK_N)
    sums = tl.load(lse + plane * tokens + query, mask=is_query, other=0.)
    shift = tl.load(delta + plane * tokens + query, mask=is_query, other=0.)
    slope = tl.zeros((BLOCK_M, BLOCK_D), tl.float32)
    slope_column = tl.zeros((BLOCK_M, BLOCK_N), tl.float32)
    for row in range(height):
        token = row * width + column
        keys = _tile(k, token, k_token, is_column, D, BLOCK_D)
        values = _tile(v, token, v_token, is_column, D, BLOCK_D)
        term = tl.load(by_row + query * height + row, mask=is_query,
                       other=0.).to(tl.float32) * LOG2_E
        _, changes = _slopes(queries, keys, values, grads, columns, term,
                             sums, shift, PRECISION)
        slope = tl.dot(changes.to(keys.dtype), keys, slope,
                       input_precision=PRECISION)
        slope_column += changes
        tl.store(grad_row + query * height + row,
                 tl.sum(changes, 1).to(grad_row.dtype.element_ty),
                 mask=is_query)
    channel = tl.arange(0, BLOCK_D)
    tl.store(grad_q + (plane * tokens + query[:, None]) * D
             + channel[None, :], slope.to(grad_q.dtype.element_ty),
             mask=is_query[:, None] & (channel < D)[None, :])
    tl.store(grad_column + (plane * tokens + query[:, None]) * width
             + column[None, :], slope_column.to(grad_column.dtype.element_ty),
             mask=is_query[:, None] & is_column[None, :])


@_tuned('key')
@triton.jit
def key_kernel(q, k, v, by_row, by_column, grad, lse, delta, grad_k, grad_v,
               heads, height, width, q_n, q_head, q_token, k_n, k_head,
               k_token, v_n, v_head, v_token, o_n, o_head, o_token,
               D: tl.constexpr, BLOCK_D: tl.constexpr, BLOCK_N: tl.constexpr,
               PRECISION: tl.constexpr, BLOCK_M: tl.constexpr):
    """The gradients of the keys and values of a row."""
    plane = tl.program_id(1).to(tl.int64)
    n, head = plane // heads, plane % heads
    tokens = height * width
    row = tl.program_id(0)
    column = tl.arange(0, BLOCK_N)
    is_column = column < width
    token = row * width + column
    keys = _tile(k + n * k_n + head * k_head, token, k_token, is_column, D,
                 BLOCK_D)
    values = _tile(v + n * v_n + head * v_head, token, v_token, is_column, D,
                   BLOCK_D)
    q += n * q_n + head * q_head
    grad += n * o_n + head * o_head
    by_row += plane * tokens * height
    by_column += plane * tokens * width
    lse += plane * tokens
    delta += plane * tokens
    slope_k = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    slope_v = tl.zeros((BLOCK_N, BLOCK_D), tl.float32)
    for start in range(0, tokens, BLOCK_M):
        query = start + tl.arange(0, BLOCK_M)
        is_query = query < tokens
        queries = _tile(q, query, q_token, is_query, D, BLOCK_D)
        grads = _tile(grad, query, o_token, is_query, D, BLOCK_D)
        columns = _columns(by_column, query, is_query, width, BLOCK_N)
        term = tl.load(by_row + query * height + row, mask=is_query,
                       other=0.).to(tl.float32) * LOG2_E
        # A query that does not exist attends to nothing.
        sums = tl.load(lse + query, mask=is_query, other=float('inf'))
        shift = tl.load(delta + query, mask=is_query, other=0.)
        shares, changes = _slopes(queries, keys, values, grads, columns, term,
                                  sums, shift, PRECISION)
        slope_v = tl.dot(tl.trans(shares.to(grads.dtype)), grads, slope_v,
                         input_precision=PRECISION)
        slope_k = tl.dot(tl.trans(changes.to(queries.dtype)), queries,
                         slope_k, input_precision=PRECISION)
    channel = tl.arange(0, BLOCK_D)
    place = (plane * tokens + token[:, None]) * D + channel[None, :]
    there = is_column[:, None] & (channel < D)[None, :]
    tl.store(grad_k + place, slope_k.to(grad_k.dtype.element_ty), mask=there)
    tl.store(grad_v + place, slope_v.to(grad_v.dtype.element_ty), mask=there)
