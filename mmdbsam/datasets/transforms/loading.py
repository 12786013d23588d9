"""The loading of one slice, of a prepared case or from anywhere else."""

import mmcv
import numpy as np
from mmcv.transforms import BaseTransform

from mmdbsam.errors import InputError
from mmdbsam.registry import TRANSFORMS


def with_neighbours(slices: np.ndarray, index: int, start: int, stop: int
                    ) -> np.ndarray:
    """A slice between its neighbours, (H, W, 3): the slice before, it, after.

    At an end of the range, the slice takes the place of the one that it lacks.

    Args:
        slices: Slices of grey values, (D, H, W).
        index: The slice.
        start: The first slice that may be a neighbour.
        stop: The slice after the last one that may be.

    Raises:
        InputError: If the slices are RGB, which leaves no channel free.
    """
    if slices.ndim != 3:
        raise InputError('LoadSlice.neighbours: expected one grey value a '
                         f'pixel, found slices of shape {slices.shape[1:]}')
    return np.stack([slices[min(max(i, start), stop - 1)]
                     for i in (index - 1, index, index + 1)], axis=-1)


@TRANSFORMS.register_module()
class LoadSlice(BaseTransform):
    """Read a slice's image and labels from the case's memory-mapped arrays.

    The transform needs ``case`` and ``slice_index``. It adds ``img`` (uint8
    (H, W), or (H, W, 3) for RGB or neighbours), ``label`` (label ids in
    layers, (L, H, W)), ``ori_shape``, ``img_shape``, ``scale_factor``,
    ``flip`` and ``flip_direction``.

    Args:
        neighbours: Whether the slices before and after it, within its block,
            are the first and the last channel of the image (2.5-D). ``block``
            is then needed too.

    Raises:
        InputError: From the call, if an RGB image is to have neighbours.
    """

    def __init__(self, neighbours: bool = False) -> None:
        self.neighbours = neighbours

    def transform(self, results: dict) -> dict:
        """Add the slice to the results."""
        case, index = results['case'], results['slice_index']
        slices = case.image()
        image = (with_neighbours(slices, index, *results['block'])
                 if self.neighbours else np.array(slices[index]))
        return dict(
            results,
            img=image,
            label=np.array(case.label()[:, index]),
            ori_shape=image.shape[:2],
            img_shape=image.shape[:2],
            scale_factor=1.0,
            flip=False,
            flip_direction=None)


@TRANSFORMS.register_module(name=['LoadImage', 'LoadImageFromNDArray'])
class LoadImage(BaseTransform):
    """Read an image of 8 bits from its file, or take it from memory.

    It begins the ``test_pipeline`` of configs that
    ``mmseg.apis.inference_model`` runs, which gives it a file as ``img_path``
    or an array (H, W) or RGB (H, W, 3) as ``img``. For an array, mmseg changes
    the type of the step to ``LoadImageFromNDArray``.

    Raises:
        InputError: From the call, if the file is no image, or the image does
            not have 8 bits.
    """

    def transform(self, results: dict) -> dict:
        """Add the image and its shapes to the results."""
        path = results.get('img_path')
        if path is not None:
            # mmcv returns None for what is no image.
            results['img'] = mmcv.imread(path, channel_order='rgb')
        image = results['img']
        if image is None or image.dtype != np.uint8:
            raise InputError(
                f'{path or "image"}: expected an image of 8 bits, found '
                f'{"none" if image is None else image.dtype}; mmdbsam infer '
                'reads scans of any kind')
        return dict(results, img_path=path, ori_shape=image.shape[:2],
                    img_shape=image.shape[:2], scale_factor=1.0, flip=False,
                    flip_direction=None)
