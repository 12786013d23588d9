"""Multi-scale deformable attention (MSDA) as a function without weights."""

from typing import Sequence, Union

import torch
from torch import Tensor

from mmdbsam.ops import export_form
from mmdbsam.ops.backend_choice import choose
from mmdbsam.ops.shapes import Shapes, SpatialShapes, as_shapes, level_starts
from mmdbsam.ops.torch_operator import msda

LevelStarts = Union[Tensor, Sequence[int]]


def multi_scale_deformable_attn(
        value: Tensor,
        spatial_shapes: SpatialShapes,
        level_start_index: LevelStarts,
        sampling_locations: Tensor,
        attention_weights: Tensor,
        backend: str = 'auto') -> Tensor:
    """Add up bilinear samples from several feature levels, with weights.

    Every query of every head reads ``P`` points from each of ``L`` levels and
    adds them up with its attention weights (Deformable DETR, arXiv:2010.04159,
    eq. 3). Samples outside a level read zeros; the pixel centre of column
    ``j`` of ``w`` lies at ``(j + 0.5) / w``.

    Under autocast the op computes in float32 and returns float32. Otherwise it
    computes in the type of its inputs. Coordinates are always exact. The op
    can be differentiated twice, whatever the backend.

    With ``backend='auto'``, CUDA tensors are given to Triton if it is usable,
    else to mmcv's op if it is compiled; float32 tensors on a CPU are given to
    numba, and all others to torch. The environment variable
    ``MMDBSAM_MSDA_BACKEND`` names another backend, or several with commas
    between them, of which the first that is usable is taken:
    ``MMDBSAM_MSDA_BACKEND=mmcv,triton,torch`` prefers mmcv to Triton.

    For ``torch.compile``, give ``spatial_shapes`` and ``level_start_index``
    as lists, because the numbers in a tensor cannot be traced. In an export to
    ONNX, which has no operator for MSDA, the operations of
    :mod:`~mmdbsam.ops.export_form` are exported.

    Args:
        value: The tokens of the levels, one level after the other, as M heads
            of D channels: (B, N, M, D), where N is the sum of h * w.
        spatial_shapes: L pairs (h, w), or a tensor (L, 2).
        level_start_index: The first token of each level, L integers.
        sampling_locations: The points as (x, y), (B, Q, M, L, P, 2). A level
            extends over [0, 1]; values outside are allowed.
        attention_weights: The weights of the points, (B, Q, M, L, P).
        backend: 'auto' or one of :func:`available_backends`.

    Returns:
        Tensor: The weighted sums, (B, Q, M * D).

    Raises:
        ValueError: If shapes, types or devices do not fit together, or the
            backend is unknown.
        RuntimeError: If the named backend is not usable for such tensors on
            this machine.
    """
    shapes = as_shapes(spatial_shapes)
    _check_shapes(value, shapes, level_start_index, sampling_locations,
                  attention_weights)
    device, dtype = value.device.type, value.dtype
    is_cast = _can_cast(device) and torch.is_autocast_enabled(device)
    for name, other in (('sampling_locations', sampling_locations),
                        ('attention_weights', attention_weights)):
        if other.device != value.device:
            raise ValueError(f'{name}: expected the device of value, '
                             f'{value.device}, found {other.device}')
        if other.dtype != dtype and not is_cast:
            raise ValueError(f'{name}: expected the type of value, {dtype}, '
                             f'found {other.dtype}')
    if torch.onnx.is_in_onnx_export():
        return export_form.forward(value, shapes, sampling_locations,
                                    attention_weights)
    if is_cast and dtype != torch.float64:
        dtype = torch.float32
    return msda(value, [side for shape in shapes for side in shape],
                sampling_locations, attention_weights,
                choose(backend, device, dtype))


@torch.compiler.assume_constant_result
def _can_cast(device: str) -> bool:
    """Whether torch knows autocast for a type of device.

    Not every compiler of torch can trace the question.
    """
    return torch.amp.is_autocast_available(device)


def _check_shapes(value: Tensor, shapes: Shapes,
                  level_start_index: LevelStarts, sampling_locations: Tensor,
                  attention_weights: Tensor) -> None:
    if value.dim() != 4:
        raise ValueError('value: expected 4 dimensions (B, N, M, D), found '
                         f'{tuple(value.shape)}')
    if sampling_locations.dim() != 6:
        raise ValueError('sampling_locations: expected 6 dimensions '
                         '(B, Q, M, L, P, 2), found '
                         f'{tuple(sampling_locations.shape)}')
    batch, tokens, heads, _ = value.shape
    queries, points = sampling_locations.shape[1], sampling_locations.shape[4]
    weights_shape = (batch, queries, heads, len(shapes), points)
    starts = level_start_index.tolist() \
        if isinstance(level_start_index, Tensor) else list(level_start_index)
    for name, found, expected in (
        ('value, tokens', tokens, sum(h * w for h, w in shapes)),
        ('sampling_locations', tuple(sampling_locations.shape),
         (*weights_shape, 2)),
        ('attention_weights', tuple(attention_weights.shape), weights_shape),
        ('level_start_index', starts, level_starts(shapes)),
    ):
        if found != expected:
            raise ValueError(f'{name}: expected {expected}, found {found}')
