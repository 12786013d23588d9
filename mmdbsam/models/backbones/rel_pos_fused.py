"""SAM's attention with relative positions by fused Triton kernels.

It needs the arithmetic of attention without positions, and no memory for
scores. It is an operator of torch, so that ``torch.compile`` takes it as a
whole.
"""

from typing import Callable, Dict, Tuple

import torch
from torch import Tensor

from mmdbsam.ops.backends import triton_backend


def can_attend_fused(q: Tensor) -> bool:
    """Whether the kernels are the fastest for queries (n, heads, h, w, d).

    In 16 bits, torch's own kernels are faster, see docs/performance.md.
    """
    # The tiles of keys and values that the kernels keep, with those that are
    # loaded in advance.
    tiles = 6 * 4 * _block(q.shape[3]) * _block(q.shape[4])
    return (q.is_cuda and q.dtype == torch.float32
            and tiles < _shared_bytes())


@torch.compiler.assume_constant_result
def _shared_bytes() -> int:
    """The shared memory of a program, or 0 where the kernels cannot run."""
    # The products are computed by units for TF32, which Ampere has first.
    if (triton_backend.unusable_because() or torch.version.hip
            or torch.cuda.get_device_capability() < (8, 0)):
        return 0
    # Older versions of torch do not know it.
    return getattr(torch.cuda.get_device_properties(),
                   'shared_memory_per_block_optin', 0)


def attend_fused(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
                 by_column: Tensor) -> Tensor:
    """Attend as :func:`.attend_folded` does, on a GPU."""
    by_row, by_column = by_row.to(q.dtype), by_column.to(q.dtype)
    return rel_pos_attention(q, k.to(q.dtype), v.to(q.dtype), by_row,
                             by_column)[0]


@torch.library.custom_op('mmdbsam::rel_pos_attention', mutates_args=())
def rel_pos_attention(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
                      by_column: Tensor) -> Tuple[Tensor, Tensor]:
    """Attend, and return the logarithms of the sums in base 2 as well.

    The queries, keys and values are (n, heads, h, w, d), the results
    (n, heads, h w, d) and (n, heads, h w).
    """
    from mmdbsam.models.backbones.rel_pos_kernels import forward_kernel
    n, heads, height, width, channels = q.shape
    # The heads of a token lie side by side, as the projection takes them.
    out = q.new_empty(n, height * width, heads, channels).transpose(1, 2)
    lse = q.new_empty(n, heads, height * width, dtype=torch.float32)
    q, k, v = map(_evenly_strided, (q, k, v))
    forward_kernel[_by_queries(q)](
        q, k, v, by_row.contiguous(), by_column.contiguous(), out, lse, heads,
        height, width, *_strides(q, k, v, out), **_constants(q))
    return out, lse


@torch.library.custom_op('mmdbsam::rel_pos_attention_backward',
                         mutates_args=())
def rel_pos_attention_backward(
        grad: Tensor, out: Tensor, lse: Tensor, q: Tensor, k: Tensor,
        v: Tensor, by_row: Tensor, by_column: Tensor
) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Compute the gradients of queries, keys, values and both terms."""
    from mmdbsam.models.backbones.rel_pos_kernels import (
        key_kernel,
        query_kernel,
    )
    n, heads, height, width, channels = q.shape
    delta = (out.float() * grad.float()).sum(-1).contiguous()
    if grad.stride(-1) != 1:
        grad = grad.contiguous()
    grads = [torch.empty(x.shape, dtype=x.dtype, device=x.device)
             for x in (q, k, v, by_row, by_column)]
    q, k, v = map(_evenly_strided, (q, k, v))
    inputs = (q, k, v, by_row.contiguous(), by_column.contiguous(), grad,
              lse, delta)
    sizes = heads, height, width, *_strides(q, k, v, grad)
    query_kernel[_by_queries(q)](*inputs, grads[0], grads[3], grads[4],
                                 *sizes, **_constants(q))
    key_kernel[height, n * heads](*inputs, grads[1], grads[2], *sizes,
                                  **_constants(q))
    return tuple(grads)


@rel_pos_attention.register_fake
def _(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
      by_column: Tensor) -> Tuple[Tensor, Tensor]:
    n, heads, height, width, channels = q.shape
    out = q.new_empty(n, height * width, heads, channels).transpose(1, 2)
    return out, q.new_empty(n, heads, height * width, dtype=torch.float32)


@rel_pos_attention_backward.register_fake
def _(grad: Tensor, out: Tensor, lse: Tensor, q: Tensor, k: Tensor,
      v: Tensor, by_row: Tensor, by_column: Tensor
      ) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    return tuple(x.new_empty(x.shape) for x in (q, k, v, by_row, by_column))


def _save(ctx, inputs: tuple, output: tuple) -> None:
    ctx.save_for_backward(*output, *inputs)
    ctx.mark_non_differentiable(output[1])


def _differentiate(ctx, grad: Tensor, _: Tensor) -> tuple:
    return rel_pos_attention_backward(grad, *ctx.saved_tensors)


torch.library.register_autograd(rel_pos_attention, _differentiate,
                                setup_context=_save)


def _evenly_strided(x: Tensor) -> Tensor:
    """A tensor (n, heads, h, w, d) whose tokens lie at even distances."""
    is_even = (x.stride(4) == 1
               and x.stride(2) == x.shape[3] * x.stride(3))
    return x if is_even else x.contiguous()


def _strides(q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> Tuple[int, ...]:
    """The strides of image, head and token of each tensor."""
    strides = [x.stride()[:2] + x.stride()[3:4] for x in (q, k, v)]
    return sum([*strides, out.stride()[:3]], ())


def _by_queries(q: Tensor) -> Callable:
    """How many programs run, for given launch parameters."""
    n, heads, height, width, _ = q.shape
    return lambda parameters: (-(-height * width // parameters['BLOCK_M']),
                               n * heads)


def _constants(q: Tensor) -> Dict[str, object]:
    """What the kernels are compiled with."""
    width, channels = q.shape[3:]
    return dict(D=channels, BLOCK_D=_block(channels), BLOCK_N=_block(width),
                # Three products in TF32 are as exact as one in float32.
                PRECISION='tf32x3' if q.dtype == torch.float32 else 'tf32')


def _block(number: int) -> int:
    """The size of a tile with a given number of rows or columns."""
    return max(16, 1 << (number - 1).bit_length())
