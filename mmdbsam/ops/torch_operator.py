"""MSDA as an operator of torch, whichever backend computes it.

Torch can trace, compile and export a registered operator without looking into
a backend, and profilers know its name and its cost. Under autocast it computes
in float32, otherwise in the type of its inputs.
"""

from typing import Sequence, Tuple

import torch
from torch import Tensor
from torch.utils.flop_counter import register_flop_formula

from mmdbsam.ops.backends import BACKENDS, torch_backend
from mmdbsam.ops.shapes import Shapes

_Grads = Tuple[Tensor, Tensor, Tensor]


@torch.library.custom_op('mmdbsam::multi_scale_deformable_attn',
                         mutates_args=())
def msda(value: Tensor, spatial_shapes: Sequence[int],
         sampling_locations: Tensor, attention_weights: Tensor,
         backend: str) -> Tensor:
    """Compute MSDA on a backend.

    ``spatial_shapes`` are h and w of each level, in one list. The other
    arguments are those of :func:`mmdbsam.ops.multi_scale_deformable_attn`.
    """
    return BACKENDS[backend].forward(value, _pairs(spatial_shapes),
                                     sampling_locations, attention_weights)


@torch.library.custom_op('mmdbsam::multi_scale_deformable_attn_backward',
                         mutates_args=())
def msda_backward(grad: Tensor, value: Tensor, spatial_shapes: Sequence[int],
                  sampling_locations: Tensor, attention_weights: Tensor,
                  backend: str) -> _Grads:
    """Compute the gradients of values, locations and weights on a backend."""
    return BACKENDS[backend].backward(grad, value, _pairs(spatial_shapes),
                                      sampling_locations, attention_weights)


@msda.register_fake
def _(value: Tensor, spatial_shapes: Sequence[int],
      sampling_locations: Tensor, attention_weights: Tensor,
      backend: str) -> Tensor:
    batch, _, heads, channels = value.shape
    return value.new_empty(batch, sampling_locations.shape[1],
                           heads * channels)


@msda_backward.register_fake
def _(grad: Tensor, value: Tensor, spatial_shapes: Sequence[int],
      sampling_locations: Tensor, attention_weights: Tensor,
      backend: str) -> _Grads:
    return tuple(x.new_empty(x.shape)
                 for x in (value, sampling_locations, attention_weights))


def _save(ctx, inputs: tuple, output: object) -> None:
    *tensors, spatial_shapes, locations, weights, ctx.backend = inputs
    ctx.spatial_shapes = spatial_shapes
    ctx.save_for_backward(*tensors, locations, weights)


def _differentiate(ctx, grad: Tensor) -> tuple:
    value, locations, weights = ctx.saved_tensors
    grad_value, grad_locations, grad_weights = msda_backward(
        grad, value, ctx.spatial_shapes, locations, weights, ctx.backend)
    return grad_value, None, grad_locations, grad_weights, None


def _differentiate_twice(ctx, *grads: Tensor) -> tuple:
    """Differentiate the gradients, always by the reference in plain torch.

    Torch can differentiate that one by itself, without kernels for it. It
    adds many shares up, which would be lost in types of 16 bits.
    """
    shapes = _pairs(ctx.spatial_shapes)
    dtype = ctx.saved_tensors[0].dtype
    exact = torch.promote_types(dtype, torch.float32)
    with torch.enable_grad():
        inputs = [x.detach().to(exact).requires_grad_()
                  for x in ctx.saved_tensors]
        grad, value, locations, weights = inputs
        outputs = torch_backend.backward(grad, value, shapes, locations,
                                         weights)
    grad, value, locations, weights = torch.autograd.grad(
        outputs, inputs, [None if x is None else x.to(exact) for x in grads],
        materialize_grads=True)
    return (grad.to(dtype), value.to(dtype), None, locations.to(dtype),
            weights.to(dtype), None)


torch.library.register_autograd(msda, _differentiate, setup_context=_save)
torch.library.register_autograd(msda_backward, _differentiate_twice,
                                setup_context=_save)
for _device in ('cpu', 'cuda'):
    torch.library.register_autocast(msda, _device, torch.float32)


@register_flop_formula(torch.ops.mmdbsam.multi_scale_deformable_attn)
def msda_flops(value_shape: Sequence[int], spatial_shapes: Sequence[int],
               locations_shape: Sequence[int], weights_shape: Sequence[int],
               *args: object, **kwargs: object) -> int:
    """Count a multiplication and an addition for each channel of 4 corners."""
    samples = torch.Size(weights_shape).numel()
    return samples * 4 * 2 * value_shape[3]


@register_flop_formula(torch.ops.mmdbsam.multi_scale_deformable_attn_backward)
def msda_backward_flops(grad_shape: Sequence[int], *args: object,
                        **kwargs: object) -> int:
    """Count a dot product and a scaled sum for each of the 4 corners."""
    return 2 * msda_flops(*args)


def _pairs(spatial_shapes: Sequence[int]) -> Shapes:
    return list(zip(spatial_shapes[::2], spatial_shapes[1::2], strict=True))
