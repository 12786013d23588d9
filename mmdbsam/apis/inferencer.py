"""A model that takes images and prompts as users have them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, List, Optional, Tuple, Union

import numpy as np
from mmengine.config import Config

from mmdbsam.apis.image_model import EncodedImage, ImageModel
from mmdbsam.apis.image_prompts import PromptReader
from mmdbsam.apis.model_zoo import init_model, list_models
from mmdbsam.apis.onnx_model import OnnxModel
from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.apis.requests import requests_of
from mmdbsam.apis.scans import AnyImage, load_scan
from mmdbsam.apis.volume.locator import PromptLocator, Prompts
from mmdbsam.apis.volume.masks import (
    clean_up,
    confidence,
    mean_mask,
    on_grid_of,
)
from mmdbsam.apis.volume.propagation import PropagationRule
from mmdbsam.apis.volume.segmenter import VolumeSegmenter
from mmdbsam.engine.config import load_named
from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import ORIENTATIONS
from mmdbsam.geometry.planes import SlicePlane, plane_of
from mmdbsam.io.windowing import to_eight_bits
from mmdbsam.models import PromptSegmentor
from mmdbsam.structures.results import SegmentResult, VolumeResult


class PromptInferencer:
    """Segments images and volumes from prompts.

    Args:
        config: A path, a config's name in the model zoo, as
            ``'dbsam_tinyvit_ct'``, or a ``Config``; a model that
            :func:`.init_model` made; or the folder of an exported model,
            which onnxruntime runs on the CPU. The last two take none of the
            options below but ``amp``, which an exported model does not take
            either.
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
                 config: Union[str, Path, Config, PromptSegmentor],
                 checkpoint: Union[str, Path, None] = None,
                 device: str = 'auto',
                 amp: bool = False,
                 embedding_cache: Union[str, Path, None] = None,
                 fetch_weights: bool = False) -> None:
        options = dict(checkpoint=checkpoint, device=device,
                       embedding_cache=embedding_cache,
                       fetch_weights=fetch_weights)
        if isinstance(config, PromptSegmentor):
            _check_none('a model', **options)
            model = config.eval()
        elif isinstance(config, (str, Path)) and Path(config).is_dir():
            _check_none('an exported model', amp=amp, **options)
            model = OnnxModel(config)
        else:
            cfg = load_named(config)
            if embedding_cache is not None:
                cfg.model.embedding_cache = dict(folder=str(embedding_cache))
            model = init_model(cfg, checkpoint, device,
                               fetch_weights=fetch_weights)
        self.model = ImageModel(
            model, Preprocessor(model.cfg, model.data_preprocessor), amp)
        self._image: Optional[Tuple[PromptReader, EncodedImage]] = None

    @staticmethod
    def list_models(pattern: str = '*') -> List[str]:
        """See :func:`.list_models`."""
        return list_models(pattern)

    def __call__(self,
                 inputs: Union[AnyImage, Sequence[AnyImage]],
                 boxes: Optional[Sequence] = None,
                 points: Optional[Sequence] = None,
                 point_labels: Optional[Sequence] = None,
                 masks: Any = None,
                 prompts: Any = None,
                 out_dir: Union[str, Path, None] = None,
                 show: bool = False,
                 return_datasamples: bool = False,
                 units: str = 'px',
                 window: Union[str, Sequence, None] = None) -> Any:
        """Segment one input or several, and save or show what is found.

        Args:
            inputs: An image or a volume, see :meth:`set_image` and
                :meth:`segment_volume`; or a list of them, and then each
                argument that is given is a list with an entry an input.
            boxes: Of an image, see :meth:`segment`.
            points: Of an image, see :meth:`segment`.
            point_labels: Of an image, see :meth:`segment`.
            masks: Of an image, see :meth:`segment`.
            prompts: Of a volume, see :meth:`segment_volume`; in place of the
                four above.
            out_dir: Where to write, for each input, a label volume on its own
                grid, and a picture of it in ``vis/``.
            show: Open the picture.
            return_datasamples: Return a :class:`.PromptDataSample` for each
                image instead; of a volume there is none.
            units: ``'px'`` or ``'mm'``.
            window: See :meth:`set_image`.

        Returns:
            SegmentResult, VolumeResult or PromptDataSample: What was found,
            or a list with one for each input of a list.

        Raises:
            InputError: As :meth:`segment` and :meth:`segment_volume`; if
                there is not one entry an input.
        """
        given = dict(boxes=boxes, points=points, point_labels=point_labels,
                     masks=masks, prompts=prompts)
        several = isinstance(inputs, (list, tuple))
        requests = requests_of(inputs if several else [inputs], given,
                               several)
        found = []
        for request in requests:
            result = request.run(self, units, window)
            if out_dir is not None or show:
                request.save(self, result, out_dir, show, units, window)
            found.append(request.data_sample(result) if return_datasamples
                         else result)
        return found if several else found[0]

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
        scan = load_scan(image, spacing, channel, planar=True)
        plane = SlicePlane(scan.geometry, plane_of(scan.geometry))
        if plane.size[2] != 1:
            raise InputError(
                f'{scan.name}: expected an image of one slice, found a volume '
                f'of {plane.size[2]}; take one slice, or use segment_volume')
        windows = self.model.preprocess.windows_of(scan, window)
        pixels = to_eight_bits(plane.slices(scan.values)[0], windows)
        encoded, = self.model.encode([pixels])
        self._image = PromptReader(scan, plane), encoded
        return self

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
        if self._image is None:
            raise InputError('image: expected one, set by set_image, found '
                             'none')
        reader, image = self._image
        prompts = reader.read(boxes, points, point_labels, masks, units)
        logits, iou = self.model.decode(image, prompts, multimask_output)
        logits, iou = (x.cpu().numpy() for x in (logits, iou))
        logits = reader.as_stored(logits)
        if not multimask_output:
            logits, iou = logits[:, 0], iou[:, 0]
        return SegmentResult(logits > 0, iou, logits)

    def segment_volume(self,
                       volume: AnyImage,
                       prompts: Prompts,
                       axes: str = 'axial',
                       units: str = 'px',
                       spacing: Optional[Sequence[float]] = None,
                       window: Union[str, Sequence, None] = None,
                       channel: Optional[int] = None,
                       isotropic: Optional[float] = None,
                       largest_component: bool = False,
                       fill_holes: bool = False,
                       propagation: Optional[PropagationRule] = None,
                       batch_size: Optional[int] = None,
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
            batch_size: Slices that are encoded at once; None for 8 on a GPU
                and 1 on a CPU, where more gain nothing.
            progress: Show a progress bar.

        Returns:
            VolumeResult: On the volume's own grid.

        Raises:
            InputError: As :meth:`set_image` and :meth:`segment`.
        """
        if axes not in (*ORIENTATIONS, 'all'):
            raise InputError(f'axes: expected {", ".join(ORIENTATIONS)} or '
                             f'all, found {axes!r}')
        if batch_size is not None and batch_size < 1:
            raise InputError('batch_size: expected a number >= 1, found '
                             f'{batch_size}')
        scan = load_scan(volume, spacing, channel)
        windows = self.model.preprocess.windows_of(scan, window)
        working = scan if isotropic is None else scan.resampled(isotropic)
        plane = 'axial' if axes == 'all' else axes
        objects = PromptLocator(scan, working, plane, units).objects(prompts)
        segmenter = VolumeSegmenter(
            self.model, working, windows, propagation or PropagationRule(),
            batch_size or (1 if self.model.device.type == 'cpu' else 8),
            progress)
        shape = working.values.shape[:3]
        if axes == 'all':
            found = segmenter.segment_in_all(objects)
            masks = (mean_mask(one, shape) for one in found)
        else:
            found = [[one] for one in segmenter.segment(objects, plane)]
            masks = (one.volume(shape) for one, in found)
        return VolumeResult(
            [clean_up(on_grid_of(scan, mask, working), largest_component,
                      fill_holes) for mask in masks],
            [one.id for one in objects], [one.name for one in objects],
            np.array([confidence(one) for one in found]), scan.geometry)


def _check_none(model: str, **options: Any) -> None:
    """Refuse options that a model which is there could not follow."""
    for name, value in options.items():
        if value not in (None, False, 'auto', 'cpu'):
            raise InputError(f'{name}: expected none with {model}, found '
                             f'{value}')
