"""MSDA in plain torch, which is the reference and takes any device and type.

Both functions are made of differentiable operations, so that the gradients can
be differentiated again.
"""

from typing import Iterator, List, NamedTuple, Tuple

import torch
from torch import Tensor

from mmdbsam.ops.shapes import Shapes


def unusable_because() -> str:
    """Return ``''``, as torch can always run."""
    return ''


def forward(value: Tensor, shapes: Shapes, sampling_locations: Tensor,
            attention_weights: Tensor) -> Tensor:
    """Compute MSDA; see :mod:`mmdbsam.ops.backends`."""
    batch, _, heads, channels = value.shape
    output = value.new_zeros(batch, heads, sampling_locations.shape[1],
                             channels)
    for level in _levels(value, shapes, sampling_locations,
                         attention_weights):
        for corner in level.corners:
            share = level.attention * corner.x_factor * corner.y_factor
            output = output + torch.einsum(
                'bmqp,bmqpd->bmqd', share, _read(level.values, corner.tokens))
    return output.transpose(1, 2).flatten(2)


def backward(grad: Tensor, value: Tensor, shapes: Shapes,
             sampling_locations: Tensor,
             attention_weights: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of MSDA; see :mod:`mmdbsam.ops.backends`."""
    batch, _, heads, channels = value.shape
    grad = grad.unflatten(2, (heads, channels)).transpose(1, 2)
    grads: List[List[Tensor]] = [[], [], []]
    for (h, w), level in zip(
            shapes, _levels(value, shapes, sampling_locations,
                            attention_weights), strict=True):
        value_grad = torch.zeros_like(level.values)
        weights_grad = torch.zeros_like(level.attention)
        x_grad, y_grad = weights_grad, weights_grad
        for corner in level.corners:
            # The change of the loss with the corner's weight.
            slope = torch.einsum('bmqd,bmqpd->bmqp', grad,
                                 _read(level.values, corner.tokens))
            factor = corner.x_factor * corner.y_factor
            weights_grad = weights_grad + factor * slope
            x_grad = x_grad + corner.x_sign * corner.y_factor * slope
            y_grad = y_grad + corner.y_sign * corner.x_factor * slope
            share = (level.attention * factor)[..., None] * grad[:, :, :, None]
            value_grad = value_grad.index_add(0, corner.tokens.flatten(),
                                              share.flatten(0, 3))
        grads[0].append(value_grad.view(batch, heads, h * w, channels))
        grads[1].append(torch.stack([w * level.attention * x_grad,
                                     h * level.attention * y_grad], dim=-1))
        grads[2].append(weights_grad)
    return (torch.cat(grads[0], dim=2).transpose(1, 2).contiguous(),
            torch.stack(grads[1], dim=3).transpose(1, 2).contiguous(),
            torch.stack(grads[2], dim=3).transpose(1, 2).contiguous())


class _Corner(NamedTuple):
    """One of the four neighbours of each sample, in tensors (B, M, Q, P).

    Its bilinear weight is ``x_factor * y_factor``. Where it lies outside the
    level, the factors and the derivatives ``x_sign`` and ``y_sign`` are zero.
    """

    tokens: Tensor  # rows of _Level.values
    x_factor: Tensor
    y_factor: Tensor
    x_sign: Tensor
    y_sign: Tensor


class _Level(NamedTuple):
    values: Tensor  # (B * M * h * w, D)
    attention: Tensor  # (B, M, Q, P)
    corners: List[_Corner]


def _levels(value: Tensor, shapes: Shapes, sampling_locations: Tensor,
            attention_weights: Tensor) -> Iterator[_Level]:
    """Find what to read from each level, and how to weight it."""
    # The numba_kernels say why float64; MPS has no such type.
    exact = torch.float32 if value.device.type == 'mps' else torch.float64
    locations = sampling_locations.transpose(1, 2)
    weights = attention_weights.transpose(1, 2)
    parts = value.split([h * w for h, w in shapes], dim=1)
    for i, ((h, w), part) in enumerate(zip(shapes, parts, strict=True)):
        x = locations[:, :, :, i, :, 0].to(exact) * w - 0.5
        y = locations[:, :, :, i, :, 1].to(exact) * h - 0.5
        inside = (x > -1) & (x < w) & (y > -1) & (y < h)
        # Even a location that is NaN or infinite then leaves no trace in the
        # gradients.
        x, y = torch.where(inside, x, 0), torch.where(inside, y, 0)
        corners = [
            _corner(xs, ys, inside, (h, w))
            for ys in _neighbours(y, h, value.dtype)
            for xs in _neighbours(x, w, value.dtype)
        ]
        yield _Level(part.transpose(1, 2).flatten(0, 2), weights[:, :, :, i],
                     corners)


def _neighbours(coordinate: Tensor, side: int, dtype: torch.dtype
                ) -> List[Tuple[Tensor, Tensor, Tensor]]:
    """Find the two neighbours of a coordinate along one axis.

    Returns:
        list: The index, the weight and the derivative of the weight for each.
    """
    low = coordinate.floor()
    fraction = (coordinate - low).to(dtype)
    both = []
    for index, factor, sign in ((low, 1 - fraction, -1), (low + 1, fraction,
                                                          1)):
        is_there = ((index >= 0) & (index < side)).to(dtype)
        both.append((index.long().clamp(0, side - 1), factor * is_there,
                     sign * is_there))
    return both


def _corner(xs: Tuple[Tensor, Tensor, Tensor],
            ys: Tuple[Tensor, Tensor, Tensor], inside: Tensor,
            shape: Tuple[int, int]) -> _Corner:
    (column, x_factor, x_sign), (row, y_factor, y_sign) = xs, ys
    batch, heads = column.shape[:2]
    plane = torch.arange(batch * heads, device=column.device)
    tokens = plane.view(batch, heads, 1, 1) * (shape[0] * shape[1]) \
        + row * shape[1] + column
    # Masking one axis of a product is enough to mask it.
    inside = inside.to(x_factor.dtype)
    return _Corner(tokens, x_factor * inside, y_factor, x_sign * inside,
                   y_sign * inside)


def _read(values: Tensor, tokens: Tensor) -> Tensor:
    """Read rows of values (rows, D) into a tensor (*tokens.shape, D)."""
    return values.index_select(0, tokens.flatten()).view(
        *tokens.shape, values.shape[1])
