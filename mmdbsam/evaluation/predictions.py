"""What a model made of the prompts of a test."""

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import numpy as np

from mmdbsam.structures.packed_mask import PackedMask


@dataclass(frozen=True)
class PromptedMask:
    """A prompt of a slice, and the mask that the model gave for it.

    Attributes:
        box: float32 (4,), x0, y0, x1, y1 in pixels of the slice; None where
            the model was given points.
        mask: The prediction, of the slice's size; a test set has thousands.
    """

    box: Optional[np.ndarray]
    mask: PackedMask


# By (case, label id), then by draw of the prompts, then by slice index.
Predictions = Dict[Tuple[str, int], Dict[int, Dict[int, PromptedMask]]]
