"""The arguments that the GPU kernels have in common."""

from typing import Tuple

import torch
from torch import Tensor

from mmdbsam.ops.constants import constant
from mmdbsam.ops.shapes import Shapes, level_starts


def kernel_arguments(value: Tensor, shapes: Shapes,
                     sampling_locations: Tensor, attention_weights: Tensor
                     ) -> Tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Bring the arguments of MSDA into the form that GPU kernels read.

    Returns:
        tuple: The contiguous values, the levels' shapes and first tokens as
        int64 tensors, and the contiguous locations and weights.
    """
    spatial_shapes = constant(shapes, torch.long, value.device)
    starts, = constant([level_starts(shapes)], torch.long, value.device)
    return (value.contiguous(), spatial_shapes, starts,
            sampling_locations.contiguous(), attention_weights.contiguous())
