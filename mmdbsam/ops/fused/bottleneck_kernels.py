"""The kernels of an inverted bottleneck and of a depthwise convolution."""

import numba
import numpy as np

from mmdbsam.ops.fused.functions import gelu, gelu_in_place, layer_norm
from mmdbsam.ops.fused.products import (
    COLUMNS,
    COMPILED,
    LANES,
    block_product,
)
from mmdbsam.ops.vectors import add_product, load, store, zeros

# The rows of a map in a unit of work, and the hidden channels that are
# computed before the next ones. The rows that a unit works on then stay in a
# second-level cache, and a sixteenth is computed twice.
BAND = 32
CHANNELS = 64
# The pixels of a row whose neighbours stay in the first-level cache.
PIXELS = 32


@numba.njit(**COMPILED)
def _depthwise_row(above, middle, below, pixels, stride, width, weights, taps,
                   first, bias, out, out_at, out_stride):
    """Convolve three rows of pixels with a border into a row of ``pixels``.

    ``width`` is the number of channels of a pixel, ``taps`` the distance
    between the weights (9, channels) of neighbouring taps, and ``first`` the
    first channel in them.
    """
    vectors = width // LANES * LANES
    for begin in range(0, pixels, PIXELS):
        end = min(begin + PIXELS, pixels)
        for c in range(0, vectors, LANES):
            _depthwise_vector(above, middle, below, begin, end, stride, width,
                              c, weights, taps, first + c, bias, out,
                              out_at + c, out_stride)
    for pixel in range(pixels):
        left = pixel * stride * width
        for c in range(vectors, width):
            total, w = bias[first + c], first + c
            for tap in range(3):
                at = left + tap * width + c
                total += (weights[w + tap * taps] * above[at]
                          + weights[w + (3 + tap) * taps] * middle[at]
                          + weights[w + (6 + tap) * taps] * below[at])
            out[out_at + pixel * out_stride + c] = total


@numba.njit(**COMPILED)
def _depthwise_vector(above, middle, below, begin, end, stride, width, c,
                      weights, taps, first, bias, out, out_at, out_stride):
    """Convolve a vector of channels, whose weights stay in registers."""
    b = load(zeros(out, LANES), bias, first)
    w0, w1, w2 = (load(b, weights, first), load(b, weights, first + taps),
                  load(b, weights, first + 2 * taps))
    w3, w4, w5 = (load(b, weights, first + 3 * taps),
                  load(b, weights, first + 4 * taps),
                  load(b, weights, first + 5 * taps))
    w6, w7, w8 = (load(b, weights, first + 6 * taps),
                  load(b, weights, first + 7 * taps),
                  load(b, weights, first + 8 * taps))
    for pixel in range(begin, end):
        left = pixel * stride * width + c
        centre, right = left + width, left + 2 * width
        total = add_product(b, w0, load(b, above, left))
        total = add_product(total, w1, load(b, above, centre))
        total = add_product(total, w2, load(b, above, right))
        total = add_product(total, w3, load(b, middle, left))
        total = add_product(total, w4, load(b, middle, centre))
        total = add_product(total, w5, load(b, middle, right))
        total = add_product(total, w6, load(b, below, left))
        total = add_product(total, w7, load(b, below, centre))
        total = add_product(total, w8, load(b, below, right))
        store(total, out, out_at + pixel * out_stride)


@numba.njit(**COMPILED)
def _expand_row(x, at, pixels, depth, packed, hidden_at, width, bias,
                activate, ring_row):
    """Compute a row of ``width`` hidden channels, with a pixel of border."""
    border = (pixels + 1) * width
    ring_row[:width] = 0
    ring_row[border:border + width] = 0
    block_product(x, at, depth, pixels, depth, packed, hidden_at * depth,
                  COLUMNS * depth, width, bias, hidden_at, 0, ring_row, width,
                  width)
    if activate:
        gelu_in_place(ring_row, width, pixels * width)


@numba.njit(**COMPILED)
def inverted_bottleneck(first, last, x, depth, height, width, stride, norm,
                        eps, packed_in, bias_in, activate_in, weights,
                        bias_between, packed_out, bias_out, columns, residual,
                        activate_out, out):
    """Units are (image, band of rows); see :mod:`mmdbsam.ops.fused`."""
    out_height, out_width = height // stride, width // stride
    bands = -(-out_height // BAND)
    hidden, padded = bias_in.size, bias_out.size
    in_rows = (BAND - 1) * stride + 3
    normed = np.empty(in_rows * width * depth if norm.shape[1] else 0,
                      np.float32)
    ring = np.empty((3, (width + 2) * CHANNELS), np.float32)
    nothing = np.zeros((width + 2) * CHANNELS, np.float32)
    row_out = np.empty(out_width * CHANNELS, np.float32)
    block = np.empty(BAND * out_width * padded, np.float32)
    for unit in range(first, last):
        image, top = unit // bands, unit % bands * BAND
        rows = min(BAND, out_height - top)
        begin = max(top * stride - 1, 0)
        end = min((top + rows - 1) * stride + 2, height)
        image_at = image * height * width * depth
        source, source_at = x, image_at + begin * width * depth
        if norm.shape[1]:
            for i in range((end - begin) * width):
                layer_norm(x, source_at + i * depth, depth, norm[0], norm[1],
                           eps, normed, i * depth)
            source, source_at = normed, 0
        for channel in range(0, hidden, CHANNELS):
            chunk = min(CHANNELS, hidden - channel)
            done = begin
            for row in range(rows):
                centre = (top + row) * stride
                while done < min(centre + 2, height):
                    _expand_row(source,
                                source_at + (done - begin) * width * depth,
                                width, depth, packed_in, channel, chunk,
                                bias_in, activate_in, ring[done % 3])
                    done += 1
                above = ring[(centre - 1) % 3] if centre else nothing
                below = (ring[(centre + 1) % 3] if centre + 1 < height
                         else nothing)
                _depthwise_row(above, ring[centre % 3], below, out_width,
                               stride, chunk, weights, hidden, channel,
                               bias_between, row_out, 0, chunk)
                gelu_in_place(row_out, 0, out_width * chunk)
                at = row * out_width * padded
                start, start_at, start_stride = block, at, padded
                if channel == 0:
                    start, start_at, start_stride = bias_out, 0, 0
                block_product(row_out, 0, chunk, out_width, chunk, packed_out,
                              channel * COLUMNS, COLUMNS * hidden, padded,
                              start, start_at, start_stride, block, at, padded)
        _finish(block, rows * out_width, padded,
                (image * out_height + top) * out_width * columns, columns,
                residual, activate_out, out)


@numba.njit(**COMPILED)
def _finish(block, pixels, padded, first, columns, residual, activate, out):
    """Add the residual, apply GELU and write the pixels of a band."""
    for i in range(pixels):
        at = first + i * columns
        source, target = block[i * padded:], out[at:at + columns]
        if residual.size:
            other = residual[at:at + columns]
            for c in range(columns):
                target[c] = source[c] + other[c]
        else:
            for c in range(columns):
                target[c] = source[c]
        if activate:
            for c in range(columns):
                target[c] = gelu(target[c])


@numba.njit(**COMPILED)
def depthwise(first, last, x, height, width, channels, norm, eps, weights,
              bias, activate, out):
    """Units are (image, row); see :mod:`mmdbsam.ops.fused`."""
    line = (width + 2) * channels
    nothing = np.zeros(line, np.float32)
    bordered = np.zeros((3, line), np.float32)
    row_size = width * channels
    done = -1
    for unit in range(first, last):
        image, row = unit // height, unit % height
        if row == 0 or unit == first:
            done = max(row - 1, 0)
        while done < min(row + 2, height):
            target, at = bordered[done % 3], (image * height + done) * row_size
            if norm.shape[1]:
                for i in range(0, row_size, channels):
                    layer_norm(x, at + i, channels, norm[0], norm[1], eps,
                               target, channels + i)
            else:
                target[channels:channels + row_size] = x[at:at + row_size]
            done += 1
        above = bordered[(row - 1) % 3] if row else nothing
        below = bordered[(row + 1) % 3] if row + 1 < height else nothing
        _depthwise_row(above, bordered[row % 3], below, width, 1, channels,
                       weights, channels, 0, bias, out, unit * row_size,
                       channels)
        if activate:
            gelu_in_place(out, unit * row_size, row_size)
