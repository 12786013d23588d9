"""The kernel of attention within the windows of a map."""

import numba
import numpy as np

from mmdbsam.ops.fused.functions import softmax_numerators
from mmdbsam.ops.fused.packing import pack_columns, pack_rows
from mmdbsam.ops.fused.products import (
    COLUMNS,
    COMPILED,
    LANES,
    block_product,
)

# The queries whose scores are in the first-level cache at a time.
QUERIES = 12


@numba.njit(**COMPILED)
def _token(token, top, left, window, height, width):
    """The place of a window's token in the map, or -1 in the padding."""
    y, x = top + token // window, left + token % window
    return y * width + x if y < height and x < width else -1


@numba.njit(**COMPILED)
def _gather(qkv, padding, image_at, head_at, top, left, window, height, width,
            tokens_out):
    """Copy a head's q, k and v of a window's tokens, (tokens, 3 channels)."""
    size = tokens_out.shape[1]
    for token in range(window * window):
        place = _token(token, top, left, window, height, width)
        if place < 0:
            tokens_out[token] = padding[head_at:head_at + size]
        else:
            at = image_at + place * padding.size + head_at
            tokens_out[token] = qkv[at:at + size]


@numba.njit(**COMPILED)
def window_attention(first, last, qkv, padding, bias, heads, window, height,
                     width, scale, out):
    """Units are (image, window, head); see :mod:`mmdbsam.ops.fused`."""
    tokens, keys_padded = window * window, bias.shape[2]
    channels = padding.size // (3 * heads)
    channels_padded = -(-channels // COLUMNS) * COLUMNS
    down, across = -(-height // window), -(-width // window)
    gathered = np.empty((tokens, 3 * channels), np.float32)
    keys = np.zeros(keys_padded * channels, np.float32)
    values = np.zeros(tokens * channels_padded, np.float32)
    scores = np.empty(QUERIES * keys_padded, np.float32)
    result = np.empty(QUERIES * channels_padded, np.float32)
    zeros = np.zeros(channels_padded, np.float32)
    sums = np.empty(QUERIES, np.float32)
    highest = np.empty(LANES, np.float32)
    queries, biases = gathered.ravel(), bias.ravel()
    for unit in range(first, last):
        head = unit % heads
        of_image = unit // heads % (down * across)
        image = unit // heads // (down * across)
        top, left = of_image // across * window, of_image % across * window
        _gather(qkv, padding, image * height * width * padding.size,
                head * 3 * channels, top, left, window, height, width,
                gathered)
        pack_columns(queries, channels, 3 * channels, tokens, channels, scale,
                     keys)
        pack_rows(queries, 2 * channels, 3 * channels, tokens, channels,
                  values)
        for query in range(0, tokens, QUERIES):
            rows = min(QUERIES, tokens - query)
            block_product(queries, query * 3 * channels, 3 * channels, rows,
                          channels, keys, 0, COLUMNS * channels, keys_padded,
                          biases, (head * tokens + query) * keys_padded,
                          keys_padded, scores, 0, keys_padded)
            for i in range(rows):
                sums[i] = softmax_numerators(scores, i * keys_padded, tokens,
                                             highest)
            block_product(scores, 0, keys_padded, rows, tokens, values, 0,
                          COLUMNS * tokens, channels_padded, zeros, 0, 0,
                          result, 0, channels_padded)
            for i in range(rows):
                place = _token(query + i, top, left, window, height, width)
                if place < 0:
                    continue
                at = ((image * height * width + place) * heads
                      + head) * channels
                target = out[at:at + channels]
                source = result[i * channels_padded:]
                for c in range(channels):
                    target[c] = source[c] / sums[i]
