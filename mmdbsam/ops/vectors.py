"""Vectors of numbers in kernels that numba compiles.

numba leaves it to LLVM to find loops that vectors can compute. These
intrinsics say what a vector is, so that its numbers stay in a register.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, models, register_model


class Vector(types.Type):
    """numba's type of ``lanes`` numbers of type ``element``."""

    def __init__(self, element: types.Float, lanes: int) -> None:
        self.element = element
        self.lanes = lanes
        super().__init__(name=f'Vector({element}, {lanes})')


@register_model(Vector)
class _VectorModel(models.PrimitiveModel):

    def __init__(self, manager, vector: Vector) -> None:
        element = manager.lookup(vector.element).get_value_type()
        super().__init__(manager, vector,
                         ir.VectorType(element, vector.lanes))


def _broadcast(builder, scalar, vector):
    first = builder.insert_element(ir.Constant(vector, ir.Undefined), scalar,
                                   ir.Constant(ir.IntType(32), 0))
    lanes = ir.VectorType(ir.IntType(32), vector.count)
    return builder.shuffle_vector(first, first, ir.Constant(lanes, None))


def _address(context, builder, array_type, array, index, vector):
    data = context.make_array(array_type)(context, builder, array).data
    return builder.bitcast(builder.gep(data, [index]), vector.as_pointer())


@intrinsic(prefer_literal=True)
def zeros(typing_context, array, lanes):
    """A vector of ``lanes`` zeros of the array's type."""
    vector = Vector(array.dtype, lanes.literal_value)

    def generate(context, builder, signature, args):
        return ir.Constant(context.get_value_type(vector), None)

    return vector(array, lanes), generate


@intrinsic
def load(typing_context, like, array, index):
    """The vector at ``array[index]``, of the type of the vector ``like``."""

    def generate(context, builder, signature, args):
        pointer = _address(context, builder, array, args[1], args[2],
                           context.get_value_type(like))
        loaded = builder.load(pointer)
        loaded.align = array.dtype.bitwidth // 8
        return loaded

    return like(like, array, types.intp), generate


@intrinsic
def store(typing_context, vector, array, index):
    """Write a vector to the array, from ``array[index]`` on."""

    def generate(context, builder, signature, args):
        pointer = _address(context, builder, array, args[1], args[2],
                           args[0].type)
        builder.store(args[0], pointer).align = array.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(vector, array, types.intp), generate


@intrinsic
def add_scaled(typing_context, total, scale, vector):
    """``total + scale * vector``, with a scalar scale."""

    def generate(context, builder, signature, args):
        scales = _broadcast(builder, args[1], args[0].type)
        product = builder.fmul(scales, args[2], flags=('contract',))
        return builder.fadd(args[0], product, flags=('contract',))

    return total(total, total.element, vector), generate


@intrinsic
def dot(typing_context, one, other):
    """The dot product of two vectors."""

    def generate(context, builder, signature, args):
        vector, element = args[0].type, args[0].type.element
        bits = one.element.bitwidth
        add_up = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(element, [element, vector]),
            f'llvm.vector.reduce.fadd.v{vector.count}f{bits}')
        product = builder.fmul(*args)
        return builder.call(add_up, [ir.Constant(element, -0.0), product],
                            fastmath=('reassoc',))

    return one.element(one, other), generate


@intrinsic
def add_product(typing_context, total, one, other):
    """``total + one * other``, number by number."""

    def generate(context, builder, signature, args):
        product = builder.fmul(args[1], args[2], flags=('contract',))
        return builder.fadd(args[0], product, flags=('contract',))

    return total(total, one, other), generate
