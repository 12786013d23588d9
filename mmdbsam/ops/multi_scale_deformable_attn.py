"""Multi-scale deformable attention (MSDA): one function, its backends."""

from collections.abc import Sequence
from typing import Dict, List, Tuple, Union

import torch
from torch import Tensor

from mmdbsam.ops import mmcv_backend
from mmdbsam.ops.torch_backend import msda_torch

SpatialShapes = Union[Tensor, Sequence[Tuple[int, int]]]
LevelStarts = Union[Tensor, Sequence[int]]


def available_backends() -> Dict[str, str]:
    """The backends of :func:`multi_scale_deformable_attn` on this machine.

    Returns:
        dict[str, str]: Backend name to ``''`` where it is usable, else to a
        sentence that says why it is not.
    """
    return {'torch': '', 'mmcv': mmcv_backend.unusable_because()}


def multi_scale_deformable_attn(
        value: Tensor,
        spatial_shapes: SpatialShapes,
        level_start_index: LevelStarts,
        sampling_locations: Tensor,
        attention_weights: Tensor,
        backend: str = 'auto') -> Tensor:
    """Weighted sum of bilinear samples from several feature levels.

    Every query of every head reads ``P`` points from each of ``L`` levels and
    adds them up with its attention weights (Deformable DETR, arXiv:2010.04159,
    eq. 3). Samples outside a level read zeros; the pixel centre of column
    ``j`` of ``w`` lies at ``(j + 0.5) / w``.

    Under autocast the op computes in float32 and returns float32.

    Args:
        value: (B, N, M, D), the levels' tokens one after the other,
            N = sum of h * w; M heads of D channels.
        spatial_shapes: L pairs (h, w), or a tensor (L, 2).
        level_start_index: The first token of each level, L integers.
        sampling_locations: (B, Q, M, L, P, 2), as (x, y) in [0, 1] of the
            level; values outside are allowed.
        attention_weights: (B, Q, M, L, P).
        backend: 'torch' runs anywhere; 'mmcv' is mmcv's compiled CUDA op;
            'auto' takes 'mmcv' for CUDA tensors where it is compiled, else
            'torch'.

    Returns:
        Tensor: (B, Q, M * D).

    Raises:
        ValueError: If shapes, types or devices do not fit together, or the
            backend is unknown.
        RuntimeError: If the named backend is not usable here.
    """
    shapes = _as_pairs(spatial_shapes)
    _check(value, shapes, level_start_index, sampling_locations,
           attention_weights)
    device = value.device.type
    if torch.amp.is_autocast_available(device) \
            and torch.is_autocast_enabled(device):
        with torch.autocast(device, enabled=False):
            return multi_scale_deformable_attn(
                value.float(), shapes, level_start_index,
                sampling_locations.float(), attention_weights.float(),
                backend)
    if _resolve(backend, value) == 'mmcv':
        return mmcv_backend.msda_mmcv(value, shapes, sampling_locations,
                                      attention_weights)
    return msda_torch(value, shapes, sampling_locations, attention_weights)


def _resolve(backend: str, value: Tensor) -> str:
    reasons = available_backends()
    if backend == 'auto':
        usable = value.is_cuda and not reasons['mmcv']
        return 'mmcv' if usable else 'torch'
    if backend not in reasons:
        raise ValueError(f"backend: expected 'auto' or one of "
                         f"{sorted(reasons)}, found '{backend}'")
    if reasons[backend]:
        raise RuntimeError(f"backend '{backend}': {reasons[backend]}")
    if backend == 'mmcv' and not value.is_cuda:
        raise RuntimeError("backend 'mmcv': expected tensors on CUDA, found "
                           f'{value.device}')
    return backend


def _as_pairs(spatial_shapes: SpatialShapes) -> List[Tuple[int, int]]:
    pairs = spatial_shapes.tolist() if isinstance(spatial_shapes, Tensor) \
        else spatial_shapes
    return [(int(h), int(w)) for h, w in pairs]


def _check(value: Tensor, shapes: List[Tuple[int, int]],
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
    expected = {
        'value, tokens':
        (tokens, sum(h * w for h, w in shapes)),
        'sampling_locations':
        (tuple(sampling_locations.shape), (*weights_shape, 2)),
        'attention_weights':
        (tuple(attention_weights.shape), weights_shape),
    }
    for name, (found, wanted) in expected.items():
        if found != wanted:
            raise ValueError(f'{name}: expected {wanted}, found {found}')
    starts = level_start_index.tolist() \
        if isinstance(level_start_index, Tensor) else list(level_start_index)
    wanted_starts = level_starts(shapes)
    if starts != wanted_starts:
        raise ValueError(f'level_start_index: expected {wanted_starts}, '
                         f'found {starts}')
    for name, other in (('sampling_locations', sampling_locations),
                        ('attention_weights', attention_weights)):
        if other.device != value.device:
            raise ValueError(f'{name}: expected the device of value, '
                             f'{value.device}, found {other.device}')


def level_starts(shapes: Sequence[Tuple[int, int]]) -> List[int]:
    """The index of the first token of each level, for levels of (h, w)."""
    starts = [0]
    for h, w in shapes[:-1]:
        starts.append(starts[-1] + h * w)
    return starts
