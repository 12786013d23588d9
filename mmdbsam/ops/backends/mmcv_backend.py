"""MSDA by mmcv's compiled CUDA op, where it is present."""

import math
from functools import lru_cache
from typing import List, Tuple

import torch
from torch import Tensor

# The kernel takes the batch in equal slices of at most this many samples.
MAX_IM2COL_STEP = 64


@lru_cache(maxsize=1)
def unusable_because() -> str:
    """Why mmcv's op cannot run here, or ``''`` if it can."""
    try:
        import mmcv.ops  # noqa: F401
    except ImportError as error:
        return f'mmcv is installed without its compiled ops ({error})'
    return '' if torch.cuda.is_available() else 'torch sees no CUDA device'


def msda_mmcv(value: Tensor, shapes: List[Tuple[int, int]],
              sampling_locations: Tensor,
              attention_weights: Tensor) -> Tensor:
    """MSDA on CUDA; arguments as in the public function."""
    from mmcv.ops.multi_scale_deform_attn import (
        MultiScaleDeformableAttnFunction,
    )
    device = value.device
    spatial_shapes = torch.tensor(shapes, dtype=torch.long, device=device)
    areas = spatial_shapes.prod(dim=1)
    level_start_index = areas.cumsum(0) - areas
    batch = value.shape[0]
    im2col_step = batch if batch <= MAX_IM2COL_STEP else math.gcd(
        batch, MAX_IM2COL_STEP)
    return MultiScaleDeformableAttnFunction.apply(
        value.contiguous(), spatial_shapes, level_start_index,
        sampling_locations.contiguous(), attention_weights.contiguous(),
        im2col_step)
