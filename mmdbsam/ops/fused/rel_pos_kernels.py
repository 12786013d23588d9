"""The kernel of attention with relative positions."""

import numba
import numpy as np

from mmdbsam.ops.fused.functions import softmax_numerators
from mmdbsam.ops.fused.packing import pack_columns, pack_rows
from mmdbsam.ops.fused.products import COLUMNS, COMPILED, LANES, block_product

# The queries whose scores are in the second-level cache at a time: 0.4 MB for
# SAM's 4096 keys.
QUERIES = 24


@numba.njit(**COMPILED)
def _add_terms(by_row, by_column, query, height, width, scores, at):
    """Write the terms of a query's scores with the keys (height, width)."""
    columns = by_column[query * width:(query + 1) * width]
    for y in range(height):
        term = by_row[query * height + y]
        row = scores[at + y * width:at + (y + 1) * width]
        for x in range(width):
            row[x] = columns[x] + term


@numba.njit(**COMPILED)
def rel_pos_attention(first, last, parts, q, k, v, by_row, by_column, height,
                      width, channels, out):
    """Units are (image and head, part of its queries).

    See :mod:`mmdbsam.ops.fused`.
    """
    tokens = height * width
    keys_padded = -(-tokens // COLUMNS) * COLUMNS
    channels_padded = -(-channels // COLUMNS) * COLUMNS
    keys = np.zeros(keys_padded * channels, np.float32)
    values = np.zeros(tokens * channels_padded, np.float32)
    scores = np.zeros(QUERIES * keys_padded, np.float32)
    result = np.empty(QUERIES * channels_padded, np.float32)
    zeros = np.zeros(channels_padded, np.float32)
    highest = np.empty(LANES, np.float32)
    sums = np.empty(QUERIES, np.float32)
    packed = -1
    for unit in range(first, last):
        head, part = unit // parts, unit % parts
        if head != packed:
            pack_columns(k, head * tokens * channels, channels, tokens,
                         channels, np.float32(1.), keys)
            pack_rows(v, head * tokens * channels, channels, tokens, channels,
                      values)
            packed = head
        end = tokens * (part + 1) // parts
        for query in range(tokens * part // parts, end, QUERIES):
            rows = min(QUERIES, end - query)
            for i in range(rows):
                _add_terms(by_row, by_column, head * tokens + query + i,
                           height, width, scores, i * keys_padded)
            block_product(q, (head * tokens + query) * channels, channels,
                          rows, channels, keys, 0, COLUMNS * channels,
                          keys_padded, scores, 0, keys_padded, scores, 0,
                          keys_padded)
            for i in range(rows):
                sums[i] = softmax_numerators(scores, i * keys_padded, tokens,
                                             highest)
            block_product(scores, 0, keys_padded, rows, tokens, values, 0,
                          COLUMNS * tokens, channels_padded, zeros, 0, 0,
                          result, 0, channels_padded)
            for i in range(rows):
                at = (head * tokens + query + i) * channels
                target = out[at:at + channels]
                source = result[i * channels_padded:]
                for c in range(channels):
                    target[c] = source[c] / sums[i]
