"""Layouts of keys and values for :func:`.products.block_product`."""

import numba

from mmdbsam.ops.fused.products import COLUMNS, COMPILED


@numba.njit(**COMPILED)
def pack_columns(rows, at, stride, count, depth, scale, packed):
    """Make scaled rows the columns of panels.

    Missing columns of the last panel stay as they are.

    Args:
        rows: A flat array with rows of ``depth`` numbers.
        at: The place of the first row.
        stride: The distance between rows.
        count: The number of rows, which become columns.
        depth: The numbers of a row that are taken.
        scale: A factor.
        packed: The panels, (panels, depth, ``COLUMNS``), as a flat array.
    """
    for first in range(0, count, COLUMNS):
        for k in range(depth):
            target = packed[first * depth + k * COLUMNS:]
            source = at + first * stride + k
            for i in range(min(COLUMNS, count - first)):
                target[i] = rows[source + i * stride] * scale


@numba.njit(**COMPILED)
def pack_rows(rows, at, stride, count, width, packed):
    """Lay rows of ``width`` numbers out as panels, each (count, ``COLUMNS``).

    Missing columns of the last panel stay as they are; the other arguments are
    those of :func:`pack_columns`.
    """
    for first in range(0, width, COLUMNS):
        taken = min(COLUMNS, width - first)
        for row in range(count):
            target = packed[(first // COLUMNS * count + row) * COLUMNS:]
            source = at + row * stride + first
            target[:taken] = rows[source:source + taken]
