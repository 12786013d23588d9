"""MSDA in plain torch: the reference, for any device and type."""

from typing import List, Tuple

import torch
import torch.nn.functional as F
from torch import Tensor


def msda_torch(value: Tensor, shapes: List[Tuple[int, int]],
               sampling_locations: Tensor,
               attention_weights: Tensor) -> Tensor:
    """MSDA on ``grid_sample``; arguments as in the public function."""
    batch, _, heads, channels = value.shape
    queries, _, levels, points = sampling_locations.shape[1:5]
    # Heads join the batch, so that one grid_sample serves a whole level.
    grids = (2 * sampling_locations - 1).permute(0, 2, 3, 1, 4, 5)
    grids = grids.reshape(batch * heads, levels, queries, points, 2)
    weights = attention_weights.permute(0, 2, 3, 1, 4)
    weights = weights.reshape(batch * heads, levels, 1, queries, points)
    output = value.new_zeros(batch * heads, channels, queries)
    level_values = value.split([h * w for h, w in shapes], dim=1)
    for level, ((h, w), tokens) in enumerate(
            zip(shapes, level_values, strict=True)):
        feature_map = tokens.permute(0, 2, 3, 1).reshape(
            batch * heads, channels, h, w)
        samples = F.grid_sample(feature_map, grids[:, level].to(value.dtype),
                                mode='bilinear', padding_mode='zeros',
                                align_corners=False)
        output = output + torch.einsum('bcqp,bqp->bcq', samples,
                                       weights[:, level, 0])
    output = output.view(batch, heads * channels, queries)
    return output.transpose(1, 2)
