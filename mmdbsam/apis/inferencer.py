"""A model that takes images and prompts as users have them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Optional, Union

import numpy as np
import SimpleITK as sitk
from mmengine.config import Config
from PIL import Image

from mmdbsam.apis.propagation import PropagationRule
from mmdbsam.apis.results import SegmentResult, VolumeResult
from mmdbsam.apis.volume_prompts import VolumePrompt

AnyImage = Union[str, Path, np.ndarray, sitk.Image, Image.Image]


class PromptInferencer:
    """Segments images and volumes from prompts.

    Args:
        config: A path, a config's name in the model zoo, as
            ``'dbsam_tinyvit_ct'``, or a ``Config``.
        checkpoint: Weights of a training; None for the config's
            ``pretrained`` ones, on which DB-SAM with ``zero_init`` is the
            model that it starts from.
        device: ``'auto'`` for the best there is, or a device of torch.
        amp: Mixed precision: bfloat16, or float16 on a GPU without.
        embedding_cache: Folder in which embeddings are kept, so that another
            prompt of the same image answers at once.
        fetch_weights: Fetch released weights that are missing.

    Raises:
        InputError: If the config or the weights are missing or do not fit
            each other.
    """

    def __init__(self,
                 config: Union[str, Path, Config],
                 checkpoint: Union[str, Path, None] = None,
                 device: str = 'auto',
                 amp: bool = False,
                 embedding_cache: Union[str, Path, None] = None,
                 fetch_weights: bool = False) -> None:
        raise NotImplementedError

    def set_image(self,
                  image: AnyImage,
                  spacing: Optional[Sequence[float]] = None,
                  window: Union[str, Sequence, None] = None,
                  channel: Optional[int] = None) -> 'PromptInferencer':
        """Encode an image in a plane; :meth:`segment` then decodes prompts.

        Args:
            image: A path, an array (H, W) or RGB (H, W, 3), an image of PIL,
                or one of SimpleITK's that has one slice.
            spacing: Of an array, (x, y) in mm; without it, prompts are in
                pixels.
            window: Name of a window, (level, width), or three of these for
                the channels of an image; None for the config's.
            channel: Which of the volumes of a 4-D file.

        Returns:
            PromptInferencer: This one.

        Raises:
            InputError: If the image cannot be read, has several slices, or is
                RGB where the config says CT.
        """
        raise NotImplementedError

    def segment(self,
                boxes: Optional[Sequence] = None,
                points: Optional[Sequence] = None,
                point_labels: Optional[Sequence] = None,
                masks: Optional[np.ndarray] = None,
                multimask_output: bool = False,
                units: str = 'px') -> SegmentResult:
        """Segment n objects in the image that was set.

        Prompts of several kinds are of the same n objects.

        Args:
            boxes: (n, 4), x0, y0, x1, y1, inclusive pixel indices; or (4,)
                for one object.
            points: (n, P, 2), x, y; or (P, 2) for one object.
            point_labels: (n, P) or (P,): 1 of the object, 0 of the
                background, -1 padding; None if all are of the object.
            masks: Rough masks, bool (n, H, W), or (H, W) for one object.
            multimask_output: Three masks an object instead of one.
            units: ``'px'``, or ``'mm'`` of the scanner's space.

        Returns:
            SegmentResult: On the image's own pixels.

        Raises:
            InputError: If no image was set, or a prompt is missing, outside
                the image, inverted, not finite or of a wrong shape.
        """
        raise NotImplementedError

    def segment_volume(self,
                       volume: AnyImage,
                       prompts: Union[VolumePrompt, Sequence[VolumePrompt],
                                      Mapping[str, VolumePrompt]],
                       axes: str = 'axial',
                       units: str = 'px',
                       spacing: Optional[Sequence[float]] = None,
                       window: Union[str, Sequence, None] = None,
                       channel: Optional[int] = None,
                       isotropic: Optional[float] = None,
                       largest_component: bool = False,
                       fill_holes: bool = False,
                       propagation: Optional[PropagationRule] = None,
                       batch_size: int = 4,
                       progress: bool = False) -> VolumeResult:
        """Segment objects in a volume, slice by slice.

        A slice is encoded once, whatever the number of objects.

        Args:
            volume: A path, an array (D, H, W), or an image of SimpleITK.
            prompts: One for each object, maybe by the objects' names.
            axes: Of the slices, ``'axial'``, ``'coronal'`` or
                ``'sagittal'``; ``'all'`` for the mean of the three
                probabilities, where prompts on slices are on axial ones.
            units: Of the prompts, ``'px'`` for voxels, or ``'mm'``.
            spacing: Of an array, (x, y, z) in mm.
            window: See :meth:`set_image`.
            channel: See :meth:`set_image`.
            isotropic: Resample to voxels of this side in mm before; the
                result is on the volume's own grid all the same.
            largest_component: Keep each object's largest component only.
            fill_holes: Fill what each object encloses.
            propagation: When following an object from its seed ends.
            batch_size: Slices that are encoded at once.
            progress: Show a progress bar.

        Returns:
            VolumeResult: On the volume's own grid.

        Raises:
            InputError: As :meth:`set_image` and :meth:`segment`.
        """
        raise NotImplementedError
