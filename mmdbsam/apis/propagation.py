"""Following an object from slice to slice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PropagationRule:
    """When following an object ends.

    Attributes:
        min_area: Pixels; a smaller mask is dropped and ends it.
        min_iou: Of the predicted IoU; a lower one does the same.
        max_drift: Of 1 minus the DSC of a mask and the one before it; a
            higher one does the same.
        margin: Pixels that every side of a mask's box is moved outwards to
            be the next slice's box.
    """

    min_area: int = 20
    min_iou: float = 0.5
    max_drift: float = 0.5
    margin: float = 1.
