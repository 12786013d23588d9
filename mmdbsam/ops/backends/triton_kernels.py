"""MSDA's fused kernels in Triton.

A program takes ``BLOCK_Q`` queries of one head with all its channels. As in
the CPU kernels, coordinates are computed in float64, in which the product of a
float32 location and a side is exact. Sums are computed in float32, or in
float64 for float64 inputs.
"""

import triton
import triton.language as tl


@triton.jit
def _axis(coordinate, side):
    """The indices and weights of both neighbours, and whether they exist."""
    low = tl.floor(coordinate)
    first = low.to(tl.int64)
    upper = coordinate - low
    return (first, first + 1, 1 - upper, upper, first >= 0,
            first + 1 < side)


@triton.jit
def _locate(locations, sample, mask, height, width):
    """The coordinates of a sample in pixels, and whether it is inside."""
    x = tl.load(locations + 2 * sample, mask=mask, other=0.)
    y = tl.load(locations + 2 * sample + 1, mask=mask, other=0.)
    x = x.to(tl.float64) * width - 0.5
    y = y.to(tl.float64) * height - 0.5
    inside = mask & (x > -1) & (x < width) & (y > -1) & (y < height)
    return tl.where(inside, x, 0.), tl.where(inside, y, 0.), inside


@triton.jit
def forward_kernel(value, shapes, starts, locations, weights, output, queries,
                   tokens, heads, channels, LEVELS: tl.constexpr,
                   POINTS: tl.constexpr, BLOCK_Q: tl.constexpr,
                   BLOCK_D: tl.constexpr, SUM: tl.constexpr):
    plane = tl.program_id(1).to(tl.int64)
    batch, head = plane // heads, plane % heads
    query = tl.program_id(0).to(tl.int64) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    channel = tl.arange(0, BLOCK_D)
    mask = query < queries
    row = (batch * queries + query) * heads + head
    total = tl.zeros((BLOCK_Q, BLOCK_D), SUM)
    for level in range(LEVELS):
        height, width = tl.load(shapes + 2 * level), tl.load(shapes
                                                             + 2 * level + 1)
        start = batch * tokens + tl.load(starts + level)
        for point in range(POINTS):
            sample = (row * LEVELS + level) * POINTS + point
            x, y, inside = _locate(locations, sample, mask, height, width)
            attention = tl.load(weights + sample, mask=inside,
                                other=0.).to(SUM)
            x0, x1, left, right, has_left, has_right = _axis(x, width)
            y0, y1, top, bottom, has_top, has_bottom = _axis(y, height)
            for corner in tl.static_range(4):
                column = x1 if corner % 2 else x0
                line = y1 if corner // 2 else y0
                share = (right if corner % 2 else left) * (
                    bottom if corner // 2 else top)
                exists = inside & (has_right if corner % 2 else has_left) & (
                    has_bottom if corner // 2 else has_top)
                token = ((start + line * width + column) * heads
                         + head) * channels
                read = tl.load(
                    value + token[:, None] + channel[None, :],
                    mask=exists[:, None] & (channel < channels)[None, :],
                    other=0.).to(SUM)
                total += (attention * share.to(SUM))[:, None] * read
    tl.store(output + row[:, None] * channels + channel[None, :],
             total.to(output.dtype.element_ty),
             mask=mask[:, None] & (channel < channels)[None, :])


@triton.jit
def backward_kernel(grad, value, shapes, starts, locations, weights,
                    grad_value, grad_locations, grad_weights, queries, tokens,
                    heads, channels, LEVELS: tl.constexpr,
                    POINTS: tl.constexpr, BLOCK_Q: tl.constexpr,
                    BLOCK_D: tl.constexpr, SUM: tl.constexpr):
    plane = tl.program_id(1).to(tl.int64)
    batch, head = plane // heads, plane % heads
    query = tl.program_id(0).to(tl.int64) * BLOCK_Q + tl.arange(0, BLOCK_Q)
    channel = tl.arange(0, BLOCK_D)
    mask = query < queries
    row = (batch * queries + query) * heads + head
    slope = tl.load(grad + row[:, None] * channels + channel[None, :],
                    mask=mask[:, None] & (channel < channels)[None, :],
                    other=0.).to(SUM)
    for level in range(LEVELS):
        height, width = tl.load(shapes + 2 * level), tl.load(shapes
                                                             + 2 * level + 1)
        start = batch * tokens + tl.load(starts + level)
        for point in range(POINTS):
            sample = (row * LEVELS + level) * POINTS + point
            x, y, inside = _locate(locations, sample, mask, height, width)
            attention = tl.load(weights + sample, mask=inside,
                                other=0.).to(SUM)
            x0, x1, left, right, has_left, has_right = _axis(x, width)
            y0, y1, top, bottom, has_top, has_bottom = _axis(y, height)
            weight_grad = tl.zeros((BLOCK_Q, ), SUM)
            x_grad = tl.zeros((BLOCK_Q, ), SUM)
            y_grad = tl.zeros((BLOCK_Q, ), SUM)
            for corner in tl.static_range(4):
                column = x1 if corner % 2 else x0
                line = y1 if corner // 2 else y0
                x_factor = (right if corner % 2 else left).to(SUM)
                y_factor = (bottom if corner // 2 else top).to(SUM)
                exists = inside & (has_right if corner % 2 else has_left) & (
                    has_bottom if corner // 2 else has_top)
                token = ((start + line * width + column) * heads
                         + head) * channels
                offsets = token[:, None] + channel[None, :]
                there = exists[:, None] & (channel < channels)[None, :]
                read = tl.load(value + offsets, mask=there, other=0.).to(SUM)
                gain = tl.sum(slope * read, axis=1)
                weight_grad += x_factor * y_factor * gain
                x_grad += (1 if corner % 2 else -1) * y_factor * gain
                y_grad += (1 if corner // 2 else -1) * x_factor * gain
                share = attention * x_factor * y_factor
                tl.atomic_add(grad_value + offsets, share[:, None] * slope,
                              mask=there)
            kind = grad_weights.dtype.element_ty
            tl.store(grad_weights + sample, weight_grad.to(kind), mask=mask)
            tl.store(grad_locations + 2 * sample,
                     (width * attention * x_grad).to(kind), mask=mask)
            tl.store(grad_locations + 2 * sample + 1,
                     (height * attention * y_grad).to(kind), mask=mask)
