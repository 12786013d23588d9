"""The references that clicks are simulated from in a test."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmdbsam.datasets.transforms.prompts import label_masks, large_labels
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClickPromptsFromMask(BaseTransform):
    """Prompt a slice's labels with clicks that answer the model's errors.

    The clicks themselves depend on the model, so
    :class:`~mmdbsam.engine.click_test_loop.ClickTestLoop` makes them. The
    transform needs ``label`` and removes it. It adds ``labels`` (ids, int64
    (K,)), ``references`` (their masks in the original slice, bool (K, H, W)),
    ``clicks``, ``turns``, and ``prompt`` (how the prompts are made, for the
    report); and, with a box, ``boxes`` and ``ori_boxes`` as
    :class:`BoxPromptsFromMask` does.

    Args:
        clicks: The number of clicks for each label. Without a box, the first
            is a point in the centre of the label's largest region.
        min_area: The number of pixels that a label must have in the slice to
            be prompted.
        has_box: Whether a tight box comes before the clicks.
        is_session: Whether the prediction after each prompt is kept and
            scored, and not the last one alone. ``turns`` are then the numbers
            of clicks before these predictions; otherwise they are empty.

    Raises:
        InputError: From the call, if no label is large enough.
    """

    def __init__(self, clicks: int = 1, min_area: int = 1,
                 has_box: bool = False, is_session: bool = False) -> None:
        self.clicks = clicks
        self.min_area = min_area
        self.has_box = has_box
        self.is_session = is_session

    def transform(self, results: dict) -> dict:
        """Replace the label map by the labels' masks."""
        label = results.pop('label')
        ids = large_labels(label, self.min_area, results)
        masks = label_masks(label, ids)
        first = 0 if self.has_box else 1
        results.update(
            labels=ids, references=masks, clicks=self.clicks,
            turns=list(range(first, self.clicks + 1))
            if self.is_session else [], prompt=self._prompt())
        if self.has_box:
            boxes = tight_boxes(masks).astype(np.float32)
            results.update(boxes=boxes, ori_boxes=boxes.copy())
        return results

    def _prompt(self) -> str:
        """How the prompts are made, for the report."""
        if self.clicks == 1 and not self.has_box:
            return ('a point in the centre of the largest region a label and '
                    'slice')
        box = 'a tight box and ' if self.has_box else ''
        return (f'{box}{self.clicks} click{"s" * (self.clicks > 1)} a label '
                'and slice, each in the centre of the largest error')
