"""The form in which MSDA is exported, made of operations that ONNX has.

ONNX has no operator for MSDA, but its ``GridSample`` reads the points of a
level as MSDA does, bilinearly and with zeros outside. An exported attention is
made of that, with a few nodes for each level.
"""

import torch.nn.functional as F
from torch import Tensor

from mmdbsam.ops.shapes import Shapes


def forward(value: Tensor, shapes: Shapes, sampling_locations: Tensor,
            attention_weights: Tensor) -> Tensor:
    """Compute MSDA; see :mod:`mmdbsam.ops.backends`.

    ``GridSample`` takes coordinates in [-1, 1], to which the locations are
    rounded; in float32 they move by up to 1e-7 of a level's side.
    """
    heads, channels = value.shape[2:]
    parts = value.split([h * w for h, w in shapes], dim=1)
    # (B, Q, M, L, P, ...) -> L of (B M, Q, P, ...)
    grids = (2 * sampling_locations - 1).transpose(1, 2).flatten(0, 1)
    weights = attention_weights.transpose(1, 2).flatten(0, 1)
    output = 0.
    for i, ((h, w), part) in enumerate(zip(shapes, parts, strict=True)):
        level = part.permute(0, 2, 3, 1).reshape(-1, channels, h, w)
        samples = F.grid_sample(level, grids[:, :, i], align_corners=False)
        output = output + (samples * weights[:, None, :, i]).sum(-1)
    # (B M, D, Q) -> (B, Q, M D)
    return output.unflatten(0, (-1, heads)).permute(0, 3, 1, 2).flatten(2)
