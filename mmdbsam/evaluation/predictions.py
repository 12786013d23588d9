"""The predictions that a model makes from the prompts of a test."""

from dataclasses import dataclass
from typing import Dict, Optional, Tuple

import numpy as np

from mmdbsam.structures.packed_mask import PackedMask

#: What a protocol says of models that need no prompt.
NO_PROMPT = 'none'


@dataclass(frozen=True)
class PromptedMask:
    """A prompt of a slice, and the mask that the model gave for it.

    Attributes:
        box: The box x0, y0, x1, y1 in pixels of the slice, float32 (4,); None
            where the model was given points or nothing.
        mask: The prediction, of the slice's size, packed because a test set
            has thousands.
        points: The clicks before the prediction, (P, 3), x, y in pixels of
            the slice, and 1 on the object or 0 on the background; None where
            the model was given none.
    """

    box: Optional[np.ndarray]
    mask: PackedMask
    points: Optional[np.ndarray] = None


# The keys are (case, label id), then the draw of the prompts, then the slice.
Predictions = Dict[Tuple[str, int], Dict[int, Dict[int, PromptedMask]]]
