"""Kernels on rows of tokens: a linear layer, and an MLP."""

import numba
import numpy as np

from mmdbsam.ops.fused.functions import gelu, gelu_in_place, layer_norm
from mmdbsam.ops.fused.products import COLUMNS, COMPILED, block_product

# The rows of a unit of work, a multiple of a tile's six. With the hidden
# columns below, its blocks stay in a second-level cache.
ROWS = 96
# The columns of a layer, or the hidden channels of an MLP, that are computed
# before the next ones.
CHUNK = 256


@numba.njit(**COMPILED)
def _normed(x, row, rows, depth, norm, eps, scratch):
    """The rows, normalised if there is a norm, and the place of the first."""
    if norm.shape[1] == 0:
        return x, row * depth
    for i in range(rows):
        layer_norm(x, (row + i) * depth, depth, norm[0], norm[1], eps, scratch,
                   i * depth)
    return scratch, 0


@numba.njit(**COMPILED)
def _write(block, row, rows, first, columns, width, activate, residual, out):
    """Write ``columns`` columns of a block to ``out``, of ``width`` columns.

    ``first`` is the column of ``out`` that they start at.
    """
    stride = block.size // ROWS
    for i in range(rows):
        at = (row + i) * width + first
        source, target = block[i * stride:], out[at:at + columns]
        if activate:
            for c in range(columns):
                target[c] = gelu(source[c])
        else:
            for c in range(columns):
                target[c] = source[c]
        if residual.size:
            other = residual[at:at + columns]
            for c in range(columns):
                target[c] += other[c]


@numba.njit(**COMPILED)
def linear(first, last, x, depth, norm, eps, packed, bias, columns, activate,
           residual, out):
    """Units are blocks of ``ROWS`` rows; see :mod:`mmdbsam.ops.fused`."""
    rows_in_all = x.size // depth
    scratch = np.empty(ROWS * depth, np.float32)
    block = np.empty(ROWS * CHUNK, np.float32)
    for unit in range(first, last):
        row = unit * ROWS
        rows = min(ROWS, rows_in_all - row)
        source, at = _normed(x, row, rows, depth, norm, eps, scratch)
        for column in range(0, bias.size, CHUNK):
            padded = min(CHUNK, bias.size - column)
            block_product(source, at, depth, rows, depth, packed,
                          column * depth, COLUMNS * depth, padded, bias,
                          column, 0, block, 0, CHUNK)
            _write(block, row, rows, column, min(padded, columns - column),
                   columns, activate, residual, out)


@numba.njit(**COMPILED)
def mlp(first, last, x, depth, norm, eps, packed_in, bias_in, packed_out,
        bias_out, columns, residual, out):
    """Units are blocks of ``ROWS`` rows; see :mod:`mmdbsam.ops.fused`."""
    rows_in_all = x.size // depth
    scratch = np.empty(ROWS * depth, np.float32)
    hidden = np.empty(ROWS * CHUNK, np.float32)
    block = np.empty(ROWS * bias_out.size, np.float32)
    for unit in range(first, last):
        row = unit * ROWS
        rows = min(ROWS, rows_in_all - row)
        source, at = _normed(x, row, rows, depth, norm, eps, scratch)
        for channel in range(0, bias_in.size, CHUNK):
            width = min(CHUNK, bias_in.size - channel)
            block_product(source, at, depth, rows, depth, packed_in,
                          channel * depth, COLUMNS * depth, width, bias_in,
                          channel, 0, hidden, 0, CHUNK)
            for i in range(rows):
                gelu_in_place(hidden, i * CHUNK, width)
            start, stride = block, bias_out.size
            if channel == 0:
                start, stride = bias_out, 0
            block_product(hidden, 0, CHUNK, rows, width, packed_out,
                          channel * COLUMNS, COLUMNS * bias_in.size,
                          bias_out.size, start, 0, stride, block, 0,
                          bias_out.size)
        _write(block, row, rows, 0, columns, columns, False, residual, out)
