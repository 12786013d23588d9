"""The references that clicks are simulated from in a test."""

from mmcv.transforms import BaseTransform

from mmdbsam.datasets.transforms.prompts import label_masks, large_labels
from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClickPromptsFromMask(BaseTransform):
    """Prompt a slice's labels with clicks that answer the model's errors.

    The clicks themselves depend on the model, so
    :class:`~mmdbsam.engine.click_test_loop.ClickTestLoop` makes them. The
    transform needs ``label`` and removes it. It adds ``labels`` (ids, int64
    (K,)), ``references`` (their masks in the original slice, bool (K, H, W)),
    ``clicks``, and ``prompt`` (how the prompts are made, for the report).

    Args:
        clicks: The number of clicks for each label. A single click is a point
            in the centre of the label's largest region.
        min_area: The number of pixels that a label must have in the slice to
            be prompted.

    Raises:
        InputError: From the call, if no label is large enough.
    """

    def __init__(self, clicks: int = 1, min_area: int = 1) -> None:
        self.clicks = clicks
        self.min_area = min_area

    def transform(self, results: dict) -> dict:
        """Replace the label map by the labels' masks."""
        label = results.pop('label')
        ids = large_labels(label, self.min_area, results)
        results.update(
            labels=ids, references=label_masks(label, ids),
            clicks=self.clicks,
            prompt='a point in the centre of the largest region a label and '
            'slice' if self.clicks == 1 else
            f'{self.clicks} clicks a label and slice, each in the centre of '
            'the largest error')
        return results
