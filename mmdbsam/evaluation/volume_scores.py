"""The scores of one predicted block of slices, under a protocol."""

from typing import Dict, Sequence, Tuple

import numpy as np

from mmdbsam.evaluation.mask_pair import MaskPair
from mmdbsam.evaluation.protocols import Protocol
from mmdbsam.evaluation.scores import Score


def score_volume(reference: np.ndarray, prediction: np.ndarray,
                 scores: Dict[str, Score], protocol: Protocol,
                 per_slice: bool, spacing: Sequence[float],
                 shape: Tuple[int, int, int]) -> Dict[str, float]:
    """Score a volume, or the slices of it as images.

    Args:
        reference: bool (D, h, w), not empty.
        prediction: bool, the same shape.
        scores: By name.
        protocol: The conventions.
        per_slice: Whether a score is the mean of those of the slices, in
            their plane, but for those that the protocol takes of the stack.
        spacing: mm along each axis, (z, y, x).
        shape: (D, H, W) of the block that the masks are cropped from in the
            plane. Its diagonal, per slice that of the plane, stands for the
            distance to an empty mask.

    Returns:
        dict[str, float]: By name.
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
