"""Segments images and volumes from prompts as users have them."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, List, Optional, Tuple, Union

import numpy as np
from mmengine.config import Config

from mmdbsam.apis.image_model import EncodedImage, ImageModel
from mmdbsam.apis.image_prompts import PromptReader
from mmdbsam.apis.model_zoo import init_model, list_models, own_weights
from mmdbsam.apis.onnx_model import OnnxModel
from mmdbsam.apis.preprocessing import Preprocessor
from mmdbsam.apis.requests import Request, requests_of
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
from mmdbsam.apis.volume.session import VolumeSession
from mmdbsam.apis.volume.session_state import SessionState
from mmdbsam.deployment.runtimes import RUNTIMES
from mmdbsam.engine.config import load_named
from mmdbsam.engine.semantic_config import is_semantic
from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import ORIENTATIONS
from mmdbsam.geometry.planes import SlicePlane, plane_of
from mmdbsam.io.windowing import to_eight_bits
from mmdbsam.models import PromptSegmentor
from mmdbsam.structures.results import (
    SegmentResult,
    VolumeResult,
    VolumeTiming,
)


class PromptInferencer:
    """Segments images and volumes from prompts.

    Args:
        config: A config, given by its path, by its name in the model zoo,
            such as ``'dbsam_tinyvit_ct'``, or as a ``Config``. It may also be
            a model made by :func:`.init_model`, which takes no option below
            except ``amp``, or the folder of an exported model, which takes
            none except ``runtime`` and runs on the CPU.
        checkpoint: The checkpoint of a training, or the name of own weights
            of this project; of several, such as those of folds, the mean of
            the logits counts. None loads the :func:`.own_weights` of a config
            of the model zoo that has any, such as ``'dbsam_tinyvit_ct'``, and
            otherwise the config's ``pretrained`` weights, with which DB-SAM
            with ``zero_init`` is exactly the model that its training starts
            from.
        device: A torch device, or ``'auto'`` for the best one available.
        amp: Whether to compute in mixed precision where the device gains from
            it: in bfloat16, or in float16 on a GPU without bfloat16.
            ``'force'`` insists on it on a CPU that emulates bfloat16.
        embedding_cache: The folder in which embeddings are kept, so that
            another prompt of the same image is answered at once.
        fetch_weights: Whether to download released weights that are missing.
        runtime: What runs an exported model, ``'onnxruntime'`` or
            ``'openvino'``; None means onnxruntime.

    Raises:
        InputError: If the config or the weights are missing or do not fit
            each other, if the model needs no prompts, or if the runtime is
            not installed.
    """

    def __init__(self,
                 config: Union[str, Path, Config, PromptSegmentor],
                 checkpoint: Union[str, Path, Sequence, None] = None,
                 device: str = 'auto',
                 amp: Union[bool, str, None] = None,
                 embedding_cache: Union[str, Path, None] = None,
                 fetch_weights: bool = False,
                 runtime: Optional[str] = None) -> None:
        options = dict(checkpoint=checkpoint, device=device,
                       embedding_cache=embedding_cache,
                       fetch_weights=fetch_weights)
        if isinstance(config, PromptSegmentor):
            _check_none('a model', runtime=runtime, **options)
            model = config.eval()
        elif isinstance(config, (str, Path)) and Path(config).is_dir():
            _check_none('an exported model', amp=amp, **options)
            model = OnnxModel(config, runtime or RUNTIMES[0])
        else:
            _check_none('a config', runtime=runtime)
            cfg = load_named(config)
            if is_semantic(cfg):
                raise InputError(
                    'config: expected a model with prompts, found one that '
                    'segments without any; use SemanticInferencer')
            checkpoint = checkpoint or own_weights(config)
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
            inputs: An image as :meth:`set_image` takes it, or a volume as
                :meth:`segment_volume` takes it; or a list of them. With a
                list, each prompt argument is a list with one entry per input.
            boxes: The boxes of an image, as :meth:`segment` takes them.
            points: The points of an image, as :meth:`segment` takes them.
            point_labels: The points' labels, as :meth:`segment` takes them.
            masks: The rough masks of an image, as :meth:`segment` takes them.
            prompts: The prompts of a volume, as :meth:`segment_volume` takes
                them; they replace the four arguments above.
            out_dir: The folder to which each input's label volume, on the
                input's own grid, and its picture, in ``vis/``, are written.
            show: Whether to open each picture.
            return_datasamples: Whether to return each image's result as a
                :class:`.PromptDataSample`. Volumes have no data sample.
            units: The prompts' units, ``'px'`` or ``'mm'``.
            window: See :meth:`set_image`.

        Returns:
            SegmentResult, VolumeResult or PromptDataSample: The result of the
            input, or a list of results if ``inputs`` is a list.

        Raises:
            InputError: In the same cases as :meth:`segment` and
                :meth:`segment_volume`, or if the prompts of several inputs do
                not have one entry per input.
        """
        given = dict(boxes=boxes, points=points, point_labels=point_labels,
                     masks=masks, prompts=prompts)
        several = isinstance(inputs, (list, tuple))
        requests = requests_of(inputs if several else [inputs], given,
                               several)
        found = []
        for request in requests:
            result = self._answer(request, units, window)
            if out_dir is not None or show:
                request.save(self.model, result, out_dir, show, units, window)
            found.append(request.data_sample(result) if return_datasamples
                         else result)
        return found if several else found[0]

    def _answer(self, request: Request, units: str, window: Any
                ) -> Union[SegmentResult, VolumeResult]:
        if 'prompts' in request.given:
            return self.segment_volume(request.image, request.given['prompts'],
                                       units=units, window=window)
        self.set_image(request.image, window=window)
        return self.segment(**request.given, units=units)

    def set_image(self,
                  image: AnyImage,
                  spacing: Optional[Sequence[float]] = None,
                  window: Union[str, Sequence, None] = None,
                  channel: Optional[int] = None) -> 'PromptInferencer':
        """Encode a planar image, whose prompts :meth:`segment` then decodes.

        Args:
            image: A path, an array (H, W) or RGB (H, W, 3), a PIL image, or a
                SimpleITK image of one slice.
            spacing: The pixel spacing of an array, (x, y) in mm. Without it,
                prompts can only be given in pixels.
            window: The grey-value window: its name, (level, width), or three
                of these for the model's three channels. None takes the
                config's.
            channel: The index of the volume to take from a 4-D file.

        Returns:
            PromptInferencer: The inferencer itself.

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

        Prompts of several kinds describe the same n objects.

        Args:
            boxes: Boxes x0, y0, x1, y1 as inclusive pixel indices, (n, 4), or
                (4,) for one object.
            points: Points x, y, (n, P, 2), or (P, 2) for one object.
            point_labels: The points' labels, (n, P) or (P,): 1 on the object,
                0 on the background, -1 for padding. None means that all
                points are on the object.
            masks: Rough masks, bool (n, H, W), or (H, W) for one object.
            multimask_output: Whether to return three masks for each object
                instead of one.
            units: The prompts' units: ``'px'``, or ``'mm'`` in the scanner's
                space.

        Returns:
            SegmentResult: The masks on the image's own pixels.

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

        Each slice is encoded once, however many objects there are.

        Args:
            volume: A path, an array (D, H, W), or a SimpleITK image.
            prompts: One prompt for each object, as a sequence or as a mapping
                from the objects' names.
            axes: The plane of the slices, ``'axial'``, ``'coronal'`` or
                ``'sagittal'``; or ``'all'``, which averages the probabilities
                of the three planes and expects prompts on slices to be on
                axial ones.
            units: The prompts' units, ``'px'`` for voxels, or ``'mm'``.
            spacing: The voxel spacing of an array, (x, y, z) in mm.
            window: See :meth:`set_image`.
            channel: See :meth:`set_image`.
            isotropic: The side in mm of the cubic voxels to which the volume
                is resampled first. The result is on the volume's own grid
                either way.
            largest_component: Whether to keep only each object's largest
                component.
            fill_holes: Whether to fill the holes that each object encloses.
            propagation: The rule by which an object is followed from its
                seed.
            batch_size: The number of slices that are encoded in one call of
                the model. None means 8 on a GPU. On a CPU it means 1, with a
                slice for each of torch's threads, as far as memory allows;
                with a number, all threads compute the same slices.
            progress: Whether to show a progress bar.

        Returns:
            VolumeResult: The masks on the volume's own grid.

        Raises:
            InputError: In the same cases as :meth:`set_image` and
                :meth:`segment`.
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
            batch_size, progress)
        start = time.perf_counter()
        shape = working.values.shape[:3]
        if axes == 'all':
            found = segmenter.segment_in_all(objects)
            masks = (mean_mask(one, shape) for one in found)
        else:
            found = [[one] for one in segmenter.segment(objects, plane)]
            masks = (one.volume(shape) for one, in found)
        packed = [clean_up(on_grid_of(scan, mask, working), largest_component,
                           fill_holes) for mask in masks]
        timing = VolumeTiming(segmenter.segmented,
                              time.perf_counter() - start, segmenter.workers)
        return VolumeResult(
            packed, [one.id for one in objects], [one.name for one in objects],
            np.array([confidence(one) for one in found]), scan.geometry,
            timing)

    def open_volume(self,
                    volume: AnyImage,
                    axes: str = 'axial',
                    units: str = 'px',
                    spacing: Optional[Sequence[float]] = None,
                    window: Union[str, Sequence, None] = None,
                    channel: Optional[int] = None,
                    propagation: Optional[PropagationRule] = None
                    ) -> VolumeSession:
        """Open a volume whose objects are prompted and corrected.

        See :meth:`segment_volume` for the arguments, of which ``axes`` is one
        plane here.

        Raises:
            InputError: In the same cases as :meth:`set_image`.
        """
        if axes not in ORIENTATIONS:
            raise InputError(f'axes: expected {" or ".join(ORIENTATIONS)}, '
                             f'found {axes!r}')
        scan = load_scan(volume, spacing, channel)
        state = SessionState(
            axes, units, self.model.preprocess.windows_of(scan, window),
            propagation or PropagationRule(), [])
        return VolumeSession(self.model, scan, state)

    def load_session(self,
                     path: Union[str, Path],
                     volume: AnyImage,
                     spacing: Optional[Sequence[float]] = None,
                     channel: Optional[int] = None) -> VolumeSession:
        """Go on with a session that was saved.

        Args:
            path: The file that :meth:`.VolumeSession.save` wrote.
            volume: The volume of the session.
            spacing: See :meth:`segment_volume`.
            channel: See :meth:`segment_volume`.

        Raises:
            InputError: If the file is none of a session, or is one of another
                volume.
        """
        return VolumeSession.load(path, self.model,
                                  load_scan(volume, spacing, channel))


def _check_none(model: str, **options: Any) -> None:
    """Refuse options that a model that is already built cannot follow."""
    for name, value in options.items():
        if value not in (None, False, 'auto', 'cpu'):
            raise InputError(f'{name}: expected none with {model}, found '
                             f'{value}')
