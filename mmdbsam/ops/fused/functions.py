"""The functions of one number or one row that the fused kernels apply.

They are written so that LLVM computes a vector of numbers at a time.
"""

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from mmdbsam.ops.fused.products import COMPILED

_number = np.float32
# Sums and maxima over a row may be taken in any order.
_REDUCED = dict(COMPILED, fastmath={'contract', 'reassoc', 'nnan', 'nsz'})


@intrinsic
def _power_of_two(typing_context, exponent):
    """2 to the power of an int32 in [-126, 127]."""

    def generate(context, builder, signature, args):
        bits = builder.shl(
            builder.add(args[0], ir.Constant(ir.IntType(32), 127)),
            ir.Constant(ir.IntType(32), 23))
        return builder.bitcast(bits, ir.FloatType())

    return types.float32(types.int32), generate


@numba.njit(**COMPILED)
def exp(x):
    """The exponential of a float32 that is not positive.

    It is that of Cephes (S. L. Moshier, ``expf``), with an error of 1e-7 of
    the result.
    """
    x = max(x, _number(-87.))
    whole = np.floor(x * _number(1.44269504088896341) + _number(0.5))
    x = x - whole * _number(0.693359375)
    x = x - whole * _number(-2.12194440e-4)
    series = _number(1.9875691500e-4)
    series = series * x + _number(1.3981999507e-3)
    series = series * x + _number(8.3334519073e-3)
    series = series * x + _number(4.1665795894e-2)
    series = series * x + _number(1.6666665459e-1)
    series = series * x + _number(5.0000001201e-1)
    series = series * x * x + x + _number(1.)
    return series * _power_of_two(np.int32(whole))


@numba.njit(**COMPILED)
def gelu(x):
    """The GELU of a float32, with an error below 2e-6.

    The error function is the rational approximation on [-4, 4] that Eigen
    uses (``generic_fast_erf_float``).
    """
    z = min(max(x * _number(0.70710678118654752), _number(-4.)), _number(4.))
    s = z * z
    above = _number(-2.72614225801306e-10)
    above = above * s + _number(2.77068142495902e-08)
    above = above * s + _number(-2.10102402082508e-06)
    above = above * s + _number(-5.69250639462346e-05)
    above = above * s + _number(-7.34990630326855e-04)
    above = above * s + _number(-2.95459980854025e-03)
    above = above * s + _number(-1.60960333262415e-02)
    below = _number(-1.45660718464996e-05)
    below = below * s + _number(-2.13374055278905e-04)
    below = below * s + _number(-1.68282697438203e-03)
    below = below * s + _number(-7.37332916720468e-03)
    below = below * s + _number(-1.42647390514189e-02)
    return x * _number(0.5) * (_number(1.) + z * above / below)


@numba.njit(**COMPILED)
def gelu_in_place(values, first, count):
    """Replace ``count`` numbers from ``values[first]`` on by their GELUs."""
    part = values[first:first + count]
    for i in range(count):
        part[i] = gelu(part[i])


@numba.njit(**_REDUCED)
def softmax_numerators(scores, first, count, highest):
    """Replace a row of scores by ``exp(score - maximum)``; return their sum.

    ``highest`` is an array for the maxima of every so many numbers, as LLVM
    makes vectors of those, but not of one running maximum.
    """
    part, lanes = scores[first:first + count], len(highest)
    highest[:] = part[0]
    whole = count - count % lanes
    for i in range(0, whole, lanes):
        block = part[i:i + lanes]
        for lane in range(lanes):
            highest[lane] = max(highest[lane], block[lane])
    maximum = part[0]
    for value in highest:
        maximum = max(maximum, value)
    for i in range(whole, count):
        maximum = max(maximum, part[i])
    total = _number(0.)
    for i in range(count):
        part[i] = exp(part[i] - maximum)
        total += part[i]
    return total


@numba.njit(**_REDUCED)
def layer_norm(x, first, count, weight, bias, eps, out, out_first):
    """Write the layer norm of a row of ``count`` numbers to ``out``."""
    row, normed = x[first:first + count], out[out_first:out_first + count]
    total = _number(0.)
    for i in range(count):
        total += row[i]
    mean = total / _number(count)
    squares = _number(0.)
    for i in range(count):
        squares += (row[i] - mean) * (row[i] - mean)
    scale = _number(1.) / np.sqrt(squares / _number(count) + eps)
    for i in range(count):
        normed[i] = (row[i] - mean) * scale * weight[i] + bias[i]
