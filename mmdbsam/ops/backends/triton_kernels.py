"""MSDA's fused kernels in Triton.

A program takes a tile of ``BLOCK_Q`` queries of one head with all its
channels. Queries that are neighbours on their grid read neighbouring values,
so that a tile of ``TILE_H`` rows finds more of them in the L1 cache than a
part of one row does. Sums are computed in float32, or in float64 for float64
inputs.

The pixel of a sample is exact. GPUs compute slowly in float64, so that its
product with a side is computed in float32 as a sum of two numbers, of which
the second is the error of the first (T. J. Dekker, "A floating-point technique
for extending the available precision", 1971).
"""

from typing import Any, Callable, Dict

import triton
import triton.language as tl

from mmdbsam.ops.tuning import tuned

# The number of queries of a program, the rows of the grid that they lie on,
# and the number of warps that compute them.
_CANDIDATES = {
    'forward': [(16, 1, 4), (32, 1, 4), (16, 4, 4), (32, 4, 4)],
    'backward': [(16, 1, 4), (8, 1, 4), (16, 4, 4), (32, 4, 8)],
}
# A call of fewer queries of all heads is over before the choice matters.
_SMALL = 1 << 12


def _suits(config: triton.Config, arguments: Dict[str, Any]) -> bool:
    queries, width = arguments['queries'], arguments['width']
    rows = config.kwargs['TILE_H']
    columns = config.kwargs['BLOCK_Q'] // rows
    fills = not (width % columns or queries % (rows * width))
    return (queries * arguments['HEADS'] >= _SMALL
            and (rows == 1 or fills))


def _tuned(name: str, **kwargs: Any) -> Callable:
    configs = [triton.Config(dict(BLOCK_Q=queries, TILE_H=rows),
                             num_warps=warps)
               for queries, rows, warps in _CANDIDATES[name]]
    return tuned(configs, ('queries', 'width', 'tokens', 'HEADS', 'CHANNELS',
                           'LEVELS', 'POINTS'), _suits, **kwargs)


@triton.jit
def _query_tile(queries, width, BLOCK_Q: tl.constexpr, TILE_H: tl.constexpr,
                INDEX: tl.constexpr):
    """The queries of this program's tile, and whether they exist.

    Row r of the grid holds the queries from ``r * width`` on.
    """
    TILE_W: tl.constexpr = BLOCK_Q // TILE_H
    tiles = tl.cdiv(width, TILE_W)
    tile = tl.program_id(0)
    inner = tl.arange(0, BLOCK_Q)
    row = tile // tiles * TILE_H + inner // TILE_W
    column = tile % tiles * TILE_W + inner % TILE_W
    query = row.to(INDEX) * width + column
    return query, (column < width) & (query < queries)


@triton.jit
def _split_product(location, side):
    """``location * side - 0.5`` in float32 as a rounded value and its error.

    Half of the bits of a factor are multiplied at a time, which is exact for
    sides up to 4096.
    """
    high = (location.to(tl.int32, bitcast=True) & -4096).to(tl.float32,
                                                            bitcast=True)
    first, second = high * side, (location - high) * side
    product = first + second
    error = second - (product - first)
    pixel = product - 0.5
    change = pixel - product
    return pixel, error + ((product - (pixel - change)) + (-0.5 - change))


@triton.jit
def _axis(location, side, mask, SUM: tl.constexpr, SPLIT: tl.constexpr):
    """Where a sample lies along one axis.

    Returns the index of the neighbour below it, the distance from that, and
    whether the sample is inside the level.
    """
    if SPLIT:
        pixel, error = _split_product(location.to(tl.float32),
                                      side.to(tl.float32))
    else:
        pixel = location.to(tl.float64) * side - 0.5
        error = tl.zeros_like(pixel)
    # What is not a number or far off must not be converted to an integer.
    near = mask & (pixel >= -1) & (pixel <= side)
    pixel, error = tl.where(near, pixel, 0.), tl.where(near, error, 0.)
    below = tl.floor(pixel)
    fraction = (pixel - below) + error
    is_less = fraction < 0
    index = below.to(tl.int32) - is_less.to(tl.int32)
    fraction = tl.where(is_less, fraction + 1, fraction)
    inside = near & (index < side) & ((index >= 0) | (fraction > 0))
    return index, fraction.to(SUM), inside


@triton.jit
def _locate(locations, sample, mask, height, width, SUM: tl.constexpr,
            SPLIT: tl.constexpr):
    """The neighbours above and left of samples, see :func:`_axis`."""
    x, right, inside_x = _axis(
        tl.load(locations + 2 * sample, mask=mask, other=0.), width, mask,
        SUM, SPLIT)
    y, bottom, inside_y = _axis(
        tl.load(locations + 2 * sample + 1, mask=mask, other=0.), height,
        mask, SUM, SPLIT)
    return x, y, right, bottom, inside_x & inside_y


@triton.jit
def _corner(x, y, right, bottom, inside, height, width,
            corner: tl.constexpr):
    """A corner's token, its weights along both axes, and if it exists."""
    if corner % 2:
        x, x_factor = x + 1, right
    else:
        x_factor = 1 - right
    if corner // 2:
        y, y_factor = y + 1, bottom
    else:
        y_factor = 1 - bottom
    exists = inside & (x >= 0) & (x < width) & (y >= 0) & (y < height)
    return y * width + x, x_factor, y_factor, exists


@_tuned('forward')
@triton.jit
def forward_kernel(value, shapes, starts, locations, weights, output, queries,
                   width, tokens, HEADS: tl.constexpr, CHANNELS: tl.constexpr,
                   LEVELS: tl.constexpr, POINTS: tl.constexpr,
                   BLOCK_D: tl.constexpr, SUM: tl.constexpr,
                   SPLIT: tl.constexpr, INDEX: tl.constexpr,
                   BLOCK_Q: tl.constexpr, TILE_H: tl.constexpr):
    plane = tl.program_id(1).to(tl.int64)
    batch, head = plane // HEADS, plane % HEADS
    query, mask = _query_tile(queries, width, BLOCK_Q, TILE_H, INDEX)
    channel = tl.arange(0, BLOCK_D)
    is_channel = (channel < CHANNELS)[None, :]
    value += (batch * tokens * HEADS + head) * CHANNELS
    plane_start = batch * queries * HEADS + head
    locations += plane_start * LEVELS * POINTS * 2
    weights += plane_start * LEVELS * POINTS
    total = tl.zeros((BLOCK_Q, BLOCK_D), SUM)
    for level in range(LEVELS):
        high = tl.load(shapes + 2 * level).to(tl.int32)
        wide = tl.load(shapes + 2 * level + 1).to(tl.int32)
        start = tl.load(starts + level).to(INDEX)
        for point in range(POINTS):
            sample = (query * HEADS * LEVELS + level) * POINTS + point
            x, y, right, bottom, inside = _locate(
                locations, sample, mask, high, wide, SUM, SPLIT)
            attention = tl.load(weights + sample, mask=inside,
                                other=0.).to(SUM)
            for corner in tl.static_range(4):
                token, x_factor, y_factor, exists = _corner(
                    x, y, right, bottom, inside, high, wide, corner)
                offset = (start + token) * (HEADS * CHANNELS)
                read = tl.load(value + (offset[:, None] + channel[None, :]),
                               mask=exists[:, None] & is_channel,
                               other=0.).to(SUM)
                total += (attention * x_factor * y_factor)[:, None] * read
    output += plane_start * CHANNELS
    tl.store(output + (query[:, None] * (HEADS * CHANNELS)
                       + channel[None, :]),
             total.to(output.dtype.element_ty),
             mask=mask[:, None] & is_channel)


@_tuned('backward', reset_to_zero=['grad_value'])
@triton.jit
def backward_kernel(grad, value, shapes, starts, locations, weights,
                    grad_value, grad_locations, grad_weights, queries, width,
                    tokens, HEADS: tl.constexpr, CHANNELS: tl.constexpr,
                    LEVELS: tl.constexpr, POINTS: tl.constexpr,
                    BLOCK_D: tl.constexpr, SUM: tl.constexpr,
                    SPLIT: tl.constexpr, INDEX: tl.constexpr,
                    BLOCK_Q: tl.constexpr, TILE_H: tl.constexpr):
    plane = tl.program_id(1).to(tl.int64)
    batch, head = plane // HEADS, plane % HEADS
    query, mask = _query_tile(queries, width, BLOCK_Q, TILE_H, INDEX)
    channel = tl.arange(0, BLOCK_D)
    is_channel = (channel < CHANNELS)[None, :]
    value_start = (batch * tokens * HEADS + head) * CHANNELS
    value += value_start
    grad_value += value_start
    plane_start = batch * queries * HEADS + head
    locations += plane_start * LEVELS * POINTS * 2
    grad_locations += plane_start * LEVELS * POINTS * 2
    weights += plane_start * LEVELS * POINTS
    grad_weights += plane_start * LEVELS * POINTS
    grad += plane_start * CHANNELS
    slope = tl.load(grad + (query[:, None] * (HEADS * CHANNELS)
                            + channel[None, :]),
                    mask=mask[:, None] & is_channel, other=0.).to(SUM)
    for level in range(LEVELS):
        high = tl.load(shapes + 2 * level).to(tl.int32)
        wide = tl.load(shapes + 2 * level + 1).to(tl.int32)
        start = tl.load(starts + level).to(INDEX)
        for point in range(POINTS):
            sample = (query * HEADS * LEVELS + level) * POINTS + point
            x, y, right, bottom, inside = _locate(
                locations, sample, mask, high, wide, SUM, SPLIT)
            attention = tl.load(weights + sample, mask=inside,
                                other=0.).to(SUM)
            weight_grad = tl.zeros((BLOCK_Q, ), SUM)
            x_grad = tl.zeros((BLOCK_Q, ), SUM)
            y_grad = tl.zeros((BLOCK_Q, ), SUM)
            for corner in tl.static_range(4):
                token, x_factor, y_factor, exists = _corner(
                    x, y, right, bottom, inside, high, wide, corner)
                offsets = ((start + token) * (HEADS * CHANNELS))[:, None] \
                    + channel[None, :]
                there = exists[:, None] & is_channel
                read = tl.load(value + offsets, mask=there, other=0.).to(SUM)
                gain = tl.sum(slope * read, axis=1)
                weight_grad += x_factor * y_factor * gain
                x_grad += (1 if corner % 2 else -1) * y_factor * gain
                y_grad += (1 if corner // 2 else -1) * x_factor * gain
                share = attention * x_factor * y_factor
                # No thread reads what the others have added.
                tl.atomic_add(grad_value + offsets, share[:, None] * slope,
                              mask=there, sem='relaxed')
            kind = grad_weights.dtype.element_ty
            tl.store(grad_weights + sample, weight_grad.to(kind), mask=mask)
            tl.store(grad_locations + 2 * sample,
                     (wide * attention * x_grad).to(kind), mask=mask)
            tl.store(grad_locations + 2 * sample + 1,
                     (high * attention * y_grad).to(kind), mask=mask)
