"""Scores one predicted block of slices under a protocol."""

from typing import Dict, Sequence, Tuple

import numpy as np

from mmdbsam.evaluation.mask_pair import MaskPair
from mmdbsam.evaluation.protocols import Protocol
from mmdbsam.evaluation.scores import Score


def score_volume(reference: np.ndarray, prediction: np.ndarray,
                 scores: Dict[str, Score], protocol: Protocol,
                 per_slice: bool, spacing: Sequence[float],
                 shape: Tuple[int, int, int]) -> Dict[str, float]:
    """Score a volume, or its slices as images.

    Args:
        reference: The reference, bool (D, h, w), not empty.
        prediction: The prediction, bool, of the same shape.
        scores: The scores by their names.
        protocol: The conventions.
        per_slice: Whether to score the slices in their plane and average over
            them. Scores that the protocol takes from the stack are exempt.
        spacing: The spacing along each axis, (z, y, x), in mm.
        shape: The size (D, H, W) of the block from which the masks are
            cropped in the plane. The block's diagonal, or that of a slice,
            is taken as the distance to an empty mask.

    Returns:
        dict[str, float]: The value of each score by its name.
    """
    if protocol.slices == 'foreground':
        kept = reference.any(axis=(1, 2))
        reference, prediction = reference[kept], prediction[kept]
    spacing = np.ones(3) if protocol.unit == 'voxel' else np.array(spacing)
    extent = spacing * shape
    stack = MaskPair(reference, prediction, spacing, protocol.tolerance,
                     float(np.linalg.norm(extent)))
    images = [
        MaskPair(*masks, spacing[1:], protocol.tolerance,
                 float(np.linalg.norm(extent[1:])))
        for masks in zip(reference, prediction, strict=True)
    ] if per_slice else []
    return {
        name: float(np.mean([score(image) for image in images]))
        if per_slice and name not in protocol.stacked else score(stack)
        for name, score in scores.items()
    }
