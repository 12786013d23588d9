"""Prompts of every kind that an annotator gives, for training."""

import numpy as np

from mmdbsam.datasets.transforms.drawn_prompts import (
    draw_point,
    draw_rough_mask,
    draw_scribble,
)
from mmdbsam.datasets.transforms.prompts import BoxPromptsFromMask
from mmdbsam.errors import InputError
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.registry import TRANSFORMS

KINDS = ('box', 'point', 'box_and_point', 'mask', 'scribble')


@TRANSFORMS.register_module()
class AnnotatorPromptsFromMask(BoxPromptsFromMask):
    """Prompt labels as annotators do, each in one of several ways.

    An object is asked for by a box, by a point (:func:`.draw_point`), by both,
    by a rough mask (:func:`.draw_rough_mask`) with the box around it, or by a
    scribble (:func:`.draw_scribble`), which is given as points along it and as
    a mask.

    Beside what :class:`BoxPromptsFromMask` adds, the transform adds ``points``
    (float32 (K, P, 3): x and y in pixels, and 1 for a point on the object or
    -1 for none), ``rough_masks`` (uint8 (K, H, W)), and ``has_box`` and
    ``has_mask`` (bool (K,)), which say what of an object the model is given.

    Args:
        shares: The share of each kind by its name: ``'box'``, ``'point'``,
            ``'box_and_point'``, ``'mask'`` and ``'scribble'``. A kind that is
            left out is not drawn.
        min_area: See :class:`BoxPromptsFromMask`.
        prompts_per_image: See :class:`BoxPromptsFromMask`.
        jitter: See :class:`BoxPromptsFromMask`.
        scribble_points: The number of points along a scribble.

    Raises:
        InputError: If a kind is unknown or a share negative, or if all are
            0; from the call, if no label is large enough.
    """

    def __init__(self,
                 shares: dict[str, float],
                 min_area: int | None,
                 prompts_per_image: int,
                 jitter: int = 0,
                 scribble_points: int = 6) -> None:
        super().__init__(min_area, prompts_per_image, jitter)
        total = sum(shares.values())
        if (not set(shares) <= set(KINDS) or min(shares.values()) < 0
                or not total > 0):
            raise InputError(
                'AnnotatorPromptsFromMask.shares: expected shares >= 0 of '
                f'{", ".join(KINDS)}, and one > 0, found {shares}')
        self.chances = [shares.get(kind, 0) / total for kind in KINDS]
        self.scribble_points = scribble_points

    def transform(self, results: dict) -> dict:
        """Replace the label map by prompts."""
        results, rng = super().transform(results), results['rng']
        kinds = rng.choice(KINDS, size=len(results['labels']), p=self.chances)
        masks = results['masks'].astype(bool)
        points = np.zeros((len(kinds), self.scribble_points, 3), np.float32)
        points[..., 2] = -1
        rough = np.zeros_like(masks)
        for k, kind in enumerate(kinds):
            if kind in ('point', 'box_and_point'):
                points[k, 0] = (*draw_point(masks[k], rng), 1)
            elif kind == 'mask':
                rough[k] = draw_rough_mask(masks[k], rng)
                results['boxes'][k] = tight_boxes(rough[k:k + 1])[0]
            elif kind == 'scribble':
                path, rough[k] = draw_scribble(masks[k], rng)
                points[k, :, :2] = points_along(path, self.scribble_points)
                points[k, :, 2] = 1
        results.update(
            ori_boxes=results['boxes'].copy(), points=points,
            rough_masks=rough.astype(np.uint8),
            has_box=np.isin(kinds, ('box', 'box_and_point', 'mask')),
            has_mask=np.isin(kinds, ('mask', 'scribble')),
            prompt='a box, a point, both, a rough mask or a scribble a label '
            'and slice')
        return results


def points_along(path: np.ndarray, count: int) -> np.ndarray:
    """Choose points at even distances along a path.

    Args:
        path: x and y of neighbouring pixels in their order, (L, 2).
        count: The number of points, some of which are equal on a short path.

    Returns:
        np.ndarray: The points, (count, 2), which include both ends.
    """
    return path[np.linspace(0, len(path) - 1, count).round().astype(int)]
