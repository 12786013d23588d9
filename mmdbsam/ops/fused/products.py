"""Matrix products of float32 blocks that lie in a CPU's caches.

A product is computed in tiles of up to six rows and two vectors of columns,
whose sums stay in registers, as in BLIS (Van Zee and van de Geijn, ACM TOMS
41:14, 2015). Six rows and two vectors are twelve sums, which hide the latency
of two multiply-add units and leave room for the operands in the sixteen
registers of AVX2. numba compiles this for the CPU it finds, so that no
compiler is needed. The kernels of this package call it on blocks small enough
for a cache and go on with the result before it leaves it; a library's product,
called on blocks of that size, was measured to be slower.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.core.registry import cpu_target
from numba.extending import intrinsic

# Multiplications and additions may be fused, but sums keep their order.
COMPILED = dict(nogil=True, cache=True, error_model='numpy',
                fastmath={'contract'})

# The features for which numba compiles. They are a part of the key of its
# cache on disk, so kernels for another width of vectors are never taken.
_, _, _FEATURES = cpu_target.target_context.codegen().magic_tuple()
SUPPORTED = {'+avx2', '+fma'} <= set(_FEATURES.split(','))
LANES = 16 if '+avx512f' in _FEATURES.split(',') else 8
# The columns of a tile, which the columns of packed weights are padded to.
COLUMNS = 2 * LANES
# The rows of a panel that are multiplied before the next ones, so that they
# stay in the first-level cache: 24 KB.
DEPTH = 384 * 16 // COLUMNS


def pack(weight: np.ndarray) -> np.ndarray:
    """Lay out a weight as the panels that :func:`block_product` reads.

    Args:
        weight: The weight of a linear layer, (N, K).

    Returns:
        np.ndarray: The transposed weight in panels of ``COLUMNS`` columns,
        (panels, K, COLUMNS), as a flat array. Missing columns are zero.
    """
    columns, depth = weight.shape
    panels = -(-columns // COLUMNS)
    padded = np.zeros((panels * COLUMNS, depth), np.float32)
    padded[:columns] = weight
    return np.ascontiguousarray(
        padded.reshape(panels, COLUMNS, depth).transpose(0, 2, 1)).ravel()


class _Tile:
    """Writes the LLVM code of a tile's product, for a number of rows."""

    def __init__(self, context, builder, rows: int) -> None:
        self.context = context
        self.builder = builder
        self.rows = rows
        self.vector = ir.VectorType(ir.FloatType(), LANES)

    def data(self, array_type, array):
        return self.context.make_array(array_type)(self.context, self.builder,
                                                   array).data

    def offset(self, pointer, *terms):
        for term in terms:
            pointer = self.builder.gep(pointer, [term])
        return pointer

    def load(self, pointer):
        loaded = self.builder.load(self._as_vector(pointer))
        loaded.align = 4
        return loaded

    def store(self, value, pointer):
        self.builder.store(value, self._as_vector(pointer)).align = 4

    def broadcast(self, pointer):
        index = ir.IntType(32)
        undefined = ir.Constant(self.vector, ir.Undefined)
        first = self.builder.insert_element(
            undefined, self.builder.load(pointer), ir.Constant(index, 0))
        return self.builder.shuffle_vector(
            first, undefined, ir.Constant(ir.VectorType(index, LANES), None))

    def places(self, pointer, stride):
        """The addresses of the tile's vectors, from that of its first."""
        number = stride.type
        return {(row, half): self.offset(
            pointer, self.builder.mul(stride, ir.Constant(number, row)),
            ir.Constant(number, half * LANES))
            for row in range(self.rows) for half in range(2)}

    def multiply(self, x_rows, panel, depth, sums):
        """Add the product to sums, which LLVM keeps in registers."""
        builder = self.builder
        with cgutils.for_range(builder, depth) as loop:
            row_of_panel = builder.mul(loop.index,
                                       ir.Constant(depth.type, COLUMNS))
            weights = [self.load(self.offset(
                panel, row_of_panel, ir.Constant(depth.type, half * LANES)))
                for half in range(2)]
            factors = [self.broadcast(self.offset(x_row, loop.index))
                       for x_row in x_rows]
            for (row, half), place in sums.items():
                product = builder.fmul(factors[row], weights[half],
                                       flags=('contract',))
                builder.store(builder.fadd(builder.load(place), product,
                                           flags=('contract',)), place)

    def _as_vector(self, pointer):
        return self.builder.bitcast(pointer, self.vector.as_pointer())


def _tile_product(rows: int):
    """An intrinsic that computes ``out = start + x @ panel`` for a tile."""

    @intrinsic
    def product(typing_context, x, x_at, x_stride, depth, packed, panel_at,
                start, start_at, start_stride, out, out_at, out_stride):

        def generate(context, builder, signature, args):
            tile = _Tile(context, builder, rows)
            x, packed, start, out = (
                tile.data(signature.args[i], args[i]) for i in (0, 4, 6, 9))
            _, x_at, x_stride, depth, _, panel_at = args[:6]
            _, start_at, start_stride, _, out_at, out_stride = args[6:]
            sums = {}
            for key, place in tile.places(tile.offset(start, start_at),
                                          start_stride).items():
                sums[key] = cgutils.alloca_once(builder, tile.vector)
                builder.store(tile.load(place), sums[key])
            x_rows = [tile.offset(x, x_at, builder.mul(
                x_stride, ir.Constant(x_stride.type, row)))
                for row in range(rows)]
            tile.multiply(x_rows, tile.offset(packed, panel_at), depth, sums)
            for key, place in tile.places(tile.offset(out, out_at),
                                          out_stride).items():
                tile.store(builder.load(sums[key]), place)
            return context.get_dummy_value()

        size = types.intp
        return types.void(x, size, size, size, packed, size, start, size, size,
                          out, size, size), generate

    return product


_six_rows, _two_rows, _one_row = (_tile_product(n) for n in (6, 2, 1))


@numba.njit(**COMPILED)
def block_product(x, x_at, x_stride, rows, depth, packed, panel_at,
                  panel_stride, columns, start, start_at, start_stride, out,
                  out_at, out_stride):
    """Compute ``out = start + x @ packed`` for a block of rows.

    All arrays are flat. ``*_at`` is the place of the block's first element and
    ``*_stride`` the distance between rows, in elements; a ``start_stride`` of
    zero adds the same row, a bias, to all. ``start`` may be ``out``.

    Args:
        rows: The number of rows of ``x`` and ``out``.
        depth: The number of columns of ``x``.
        packed: The weights, from :func:`pack`.
        panel_at: The place of the first row of the first panel to be used.
        panel_stride: The distance between panels.
        columns: The number of columns of ``out``, a multiple of ``COLUMNS``.
    """
    for column in range(0, columns, COLUMNS):
        panel = panel_at + column // COLUMNS * panel_stride
        _panel_product(x, x_at, x_stride, rows, min(DEPTH, depth), packed,
                       panel, start, start_at + column, start_stride, out,
                       out_at + column, out_stride)
        for k in range(DEPTH, depth, DEPTH):
            _panel_product(x, x_at + k, x_stride, rows, min(DEPTH, depth - k),
                           packed, panel + k * COLUMNS, out, out_at + column,
                           out_stride, out, out_at + column, out_stride)


@numba.njit(**COMPILED)
def _panel_product(x, x_at, x_stride, rows, depth, packed, panel, start,
                   start_at, start_stride, out, out_at, out_stride):
    """A block product for one panel, tile after tile."""
    row = 0
    while row + 6 <= rows:
        _six_rows(x, x_at + row * x_stride, x_stride, depth, packed, panel,
                  start, start_at + row * start_stride, start_stride, out,
                  out_at + row * out_stride, out_stride)
        row += 6
    while row + 2 <= rows:
        _two_rows(x, x_at + row * x_stride, x_stride, depth, packed, panel,
                  start, start_at + row * start_stride, start_stride, out,
                  out_at + row * out_stride, out_stride)
        row += 2
    if row < rows:
        _one_row(x, x_at + row * x_stride, x_stride, depth, packed, panel,
                 start, start_at + row * start_stride, start_stride, out,
                 out_at + row * out_stride, out_stride)
