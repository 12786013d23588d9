"""Box prompts from the labels of a slice."""

import numpy as np
from mmcv.transforms import BaseTransform

from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.registry import TRANSFORMS


class NoLargeLabel(InputError):
    """No label of a slice is large enough to be prompted.

    Attributes:
        min_area: The number of pixels that a label must have.
    """

    def __init__(self, message: str, min_area: int = 0) -> None:
        super().__init__(message)
        self.min_area = min_area


@TRANSFORMS.register_module()
class BoxPromptsFromMask(BaseTransform):
    """Prompt a slice's labels with boxes around them.

    The transform needs ``label`` and removes it. It adds ``labels`` (ids,
    int64 (K,)), ``boxes`` and ``ori_boxes`` (float32 (K, 4): x0, y0, x1, y1,
    the inclusive pixel indices of the outermost columns and rows;
    ``ori_boxes`` stay those of the original slice) and, if a number of prompts
    is asked for, ``masks`` (0 or 1, uint8 (K, H, W)).

    Args:
        min_area: The number of pixels that a label must have in the slice to
            be prompted, at most the data set's own ``min_area``. None takes
            that one, or the largest label if an augmentation left no such.
        prompts_per_image: The number K of labels that are drawn at random
            without replacement; if the slice has fewer, they are repeated in
            turn. None takes each label once, in the order of the ids.
        jitter: Every side of every box is moved outwards by a random whole
            number of pixels in 0..jitter.
        shift: Every side is moved outwards by this many pixels.
        grid: The longest side of the image in whose pixels ``jitter`` and
            ``shift`` are meant. None means those of the original slice;
            DB-SAM's release moves boxes on images of 256 px.
        draws: How often each label is prompted, each time with a jitter of its
            own. This is for tests, instead of ``prompts_per_image``.

    Raises:
        InputError: If both ``draws`` and ``prompts_per_image`` are given; from
            the call, if no label is large enough.
    """

    def __init__(self,
                 min_area: int | None = None,
                 prompts_per_image: int | None = None,
                 jitter: int = 0,
                 shift: int = 0,
                 grid: int | None = None,
                 draws: int = 1) -> None:
        if draws > 1 and prompts_per_image is not None:
            raise InputError(
                'BoxPromptsFromMask: expected draws or prompts_per_image, '
                f'found both, {draws} and {prompts_per_image}')
        self.min_area = min_area
        self.prompts_per_image = prompts_per_image
        self.jitter = jitter
        self.shift = shift
        self.grid = grid
        self.draws = draws

    def transform(self, results: dict) -> dict:
        """Replace the label map by prompts."""
        rng, label = results['rng'], results.pop('label')
        ids = large_labels(label, self.min_area, results)
        if self.prompts_per_image is not None:
            ids = np.resize(rng.permutation(ids), self.prompts_per_image)
        masks = label_masks(label, ids)
        boxes = np.tile(tight_boxes(masks), (self.draws, 1))
        boxes = self._outwards(boxes, label.shape[1:], rng)
        results.update(
            labels=np.tile(ids, self.draws), boxes=boxes,
            ori_boxes=boxes.copy(),
            draws=np.repeat(np.arange(self.draws), len(ids)),
            prompt='one box a label and slice, ' + self._moves())
        if self.prompts_per_image is not None:
            results['masks'] = masks.astype(np.uint8)
        return results

    def _outwards(self, boxes: np.ndarray, shape: tuple[int, int],
                  rng: np.random.Generator) -> np.ndarray:
        height, width = shape
        moves = self.shift + rng.integers(
            0, self.jitter, size=boxes.shape, endpoint=True)
        pixel = max(shape) / self.grid if self.grid else 1
        moved = boxes + pixel * moves * np.array([-1, -1, 1, 1])
        limits = [width - 1, height - 1, width - 1, height - 1]
        return moved.clip(0, limits).astype(np.float32)

    def _moves(self) -> str:
        """How far the sides are moved, for the report."""
        pixels = f'px of {self.grid}' if self.grid else 'px'
        if not self.jitter:
            return (f'its sides {self.shift} {pixels} outwards' if self.shift
                    else 'tight')
        return (f'each side {self.shift} to {self.shift + self.jitter} '
                f'{pixels} outwards at random, {self.draws} draws')


def large_labels(label: np.ndarray, min_area: int | None,
                 results: dict) -> np.ndarray:
    """The labels of a slice that have enough pixels.

    Args:
        label: Label ids (L, H, W), in layers.
        min_area: The number of pixels that a label must have. None takes the
            data set's, or the largest label if none has so many, because an
            augmentation may have shrunk them all.
        results: The ``case`` and ``slice_index`` that the error names, and the
            data set's ``min_area``.

    Returns:
        np.ndarray: The ids, int64 (K,), in ascending order.

    Raises:
        NoLargeLabel: If no label is large enough.
    """
    areas = np.bincount(label.ravel())
    areas[0] = 0
    if min_area is None:
        min_area = min(results['min_area'], areas.max())
    ids = np.flatnonzero((areas >= min_area) & (areas > 0))
    if not ids.size:
        raise NoLargeLabel(
            f'prompts: slice {results["slice_index"]} of case '
            f"'{results['case'].name}' has no label of at least min_area="
            f'{min_area} px; give the data set no lower min_area', min_area)
    return ids


def label_masks(label: np.ndarray, ids: np.ndarray) -> np.ndarray:
    """The masks, bool (K, H, W), of labels in a slice (L, H, W)."""
    # The label's own type compares faster than int64.
    wanted = ids.astype(label.dtype)[:, None, None]
    masks = label[0] == wanted
    for layer in label[1:]:
        masks |= layer == wanted
    return masks
