"""Multi-scale deformable attention (MSDA) as a module with its weights."""

import math
from functools import lru_cache
from typing import Optional, Tuple

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.ops import fused
from mmdbsam.ops.constants import constant
from mmdbsam.ops.functional import multi_scale_deformable_attn
from mmdbsam.ops.shapes import Shapes, level_starts


@lru_cache(maxsize=16)
def _references(shapes: Tuple[Tuple[int, int], ...],
                device: torch.device) -> Tensor:
    levels = []
    for h, w in shapes:
        y = (torch.arange(h, device=device) + 0.5) / h
        x = (torch.arange(w, device=device) + 0.5) / w
        grid_y, grid_x = torch.meshgrid(y, x, indexing='ij')
        levels.append(torch.stack([grid_x, grid_y], dim=-1).view(-1, 2))
    return torch.cat(levels)


def pixel_centre_references(shapes: Shapes,
                            device: torch.device) -> Tensor:
    """Make the reference points of a pyramid's tokens, their pixel centres.

    The points are made once for given shapes and a device.

    Args:
        shapes: (h, w) of each level.
        device: The device that the points are needed on.

    Returns:
        Tensor: The points as (x, y), normalised to (0, 1), float32
        (sum of h * w, 2).
    """
    # A compiler keeps the points as constants and needs no cache.
    make = _references.__wrapped__ if torch.compiler.is_compiling() \
        else _references
    return make(tuple(tuple(shape) for shape in shapes), device)


class MSDeformAttention(BaseModule):
    """Multi-scale deformable attention with its projections.

    Queries of one width read values of another (Deformable DETR,
    arXiv:2010.04159, eq. 3). The sampling offsets are in pixels of the level
    that they sample.

    Args:
        query_dims: Channels of the queries and of the output.
        value_dims: Channels of the values.
        num_heads: Number of attention heads, a divisor of ``query_dims``.
        num_levels: Number of feature levels that are sampled.
        num_points: Number of sampling points per head and level.

    Raises:
        InputError: If ``num_heads`` does not divide ``query_dims``.
    """

    def __init__(self, query_dims: int, value_dims: int, num_heads: int = 12,
                 num_levels: int = 4, num_points: int = 4) -> None:
        super().__init__()
        if query_dims % num_heads:
            raise InputError(f'num_heads: expected a divisor of query_dims '
                             f'{query_dims}, found {num_heads}')
        self.num_heads = num_heads
        self.num_levels = num_levels
        self.num_points = num_points
        samples = num_heads * num_levels * num_points
        self.sampling_offsets = nn.Linear(query_dims, samples * 2)
        self.attention_weights = nn.Linear(query_dims, samples)
        self.value_proj = nn.Linear(value_dims, query_dims)
        self.output_proj = nn.Linear(query_dims, query_dims)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Initialise the projections as in Deformable DETR."""
        # Head m looks in direction m of a circle, and its point p lies p + 1
        # pixels away.
        nn.init.zeros_(self.sampling_offsets.weight)
        angles = torch.arange(self.num_heads) * (2 * math.pi / self.num_heads)
        directions = torch.stack([angles.cos(), angles.sin()], dim=-1)
        directions = directions / directions.abs().amax(dim=-1, keepdim=True)
        steps = torch.arange(1, self.num_points + 1).view(1, 1, -1, 1)
        bias = directions.view(self.num_heads, 1, 1, 2) * steps
        with torch.no_grad():
            self.sampling_offsets.bias.copy_(
                bias.expand(-1, self.num_levels, -1, -1).flatten())
        nn.init.zeros_(self.attention_weights.weight)
        nn.init.zeros_(self.attention_weights.bias)
        for projection in (self.value_proj, self.output_proj):
            nn.init.xavier_uniform_(projection.weight)
            nn.init.zeros_(projection.bias)

    def forward(self, query: Tensor, reference_points: Tensor, value: Tensor,
                shapes: Shapes,
                padding_mask: Optional[Tensor] = None) -> Tensor:
        """Let every query gather what it needs from the value levels.

        Args:
            query: The queries, (B, Q, query_dims).
            reference_points: The points (x, y) around which the queries
                sample, in [0, 1], (Q, 2).
            value: The values of the levels, one level after the other,
                (B, N, value_dims).
            shapes: (h, w) of each value level; N is the sum of h * w.
            padding_mask: True for the values of padded pixels, which are read
                as zeros; bool (B, N).

        Returns:
            Tensor: The gathered values, (B, Q, query_dims).
        """
        values = self.value_proj(value)
        if padding_mask is not None:
            values = values.masked_fill(padding_mask[..., None], 0.)
        return self.output_proj(self.gather(
            self.sampling_offsets(query), self.attention_weights(query),
            reference_points, values, shapes))

    def gather(self, offsets: Tensor, logits: Tensor,
               reference_points: Tensor, values: Tensor, shapes: Shapes
               ) -> Tensor:
        """Gather projected values, without the projections around it.

        Args:
            offsets: The projected queries that are offsets, in pixels,
                (B, Q, heads * levels * points * 2).
            logits: The projected queries that become attention weights,
                (B, Q, heads * levels * points).
            reference_points: See :meth:`forward`, and ``shapes``.
            values: The projected values, (B, N, query_dims).
            shapes: The shapes of the levels.

        Returns:
            Tensor: The gathered values, (B, Q, query_dims).
        """
        batch, queries, _ = offsets.shape
        heads, levels, points = (self.num_heads, self.num_levels,
                                 self.num_points)
        values = values.view(batch, values.shape[1], heads, -1)
        offsets = offsets.view(batch, queries, heads, levels, points, 2)
        logits = logits.view(batch, queries, heads, levels, points)
        if fused.can_fuse(offsets):
            locations, weights = fused.samples(offsets, logits,
                                               reference_points, shapes)
        else:
            weights = logits.flatten(3).softmax(-1).view(logits.shape)
            sizes = constant([(w, h) for h, w in shapes], offsets.dtype,
                             offsets.device)
            locations = reference_points.view(1, queries, 1, 1, 1, 2) \
                + offsets / sizes.view(1, 1, 1, levels, 1, 2)
        return multi_scale_deformable_attn(values, shapes,
                                           level_starts(shapes), locations,
                                           weights)
