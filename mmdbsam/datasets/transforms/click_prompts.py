"""What clicks are simulated from when a model is tested."""

from mmcv.transforms import BaseTransform

from mmdbsam.datasets.transforms.prompts import label_masks, large_labels
from mmdbsam.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClickPromptsFromMask(BaseTransform):
    """Prompt a slice's labels by clicks that answer the model's errors.

    The clicks themselves depend on the model:
    :class:`~mmdbsam.engine.click_test_loop.ClickTestLoop` makes them. The
    transform needs ``label`` and takes it out. It adds ``labels`` (int64
    (K,), ids), ``references`` (bool (K, H, W), their masks in the original
    slice), ``clicks`` and ``prompt`` (how the prompts are made, for the
    report).

    Args:
        clicks: Their number for each label; with one it is a point in the
            centre of the label's largest region.
        min_area: Pixels that a label must have in the slice to be prompted.

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
