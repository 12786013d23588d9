"""Runs an exported model with numpy and a runtime, without torch."""

from pathlib import Path
from typing import List, NamedTuple, Optional, Sequence, Tuple, Union

import numpy as np

from mmdbsam.deployment.preprocessing import Preprocessing
from mmdbsam.deployment.runtimes import RUNTIMES, open_session
from mmdbsam.errors import InputError
from mmdbsam.geometry.resizing import longest_side_shape, resize_coordinates
from mmdbsam.io.checksums import verify_sums

ENCODER = 'encoder.onnx'
DECODER = 'decoder.onnx'

_INPUTS = {
    ENCODER: ('images', ),
    DECODER: ('embedding', 'points', 'point_labels', 'masks', 'has_masks')}
# Labels of points for no point, and for the two corners of a box.
_NO_POINT, _LOW_CORNER, _HIGH_CORNER = -1, 2, 3

Points = Tuple[np.ndarray, np.ndarray]


class Segmentation(NamedTuple):
    """Masks of n prompts, M of each: 1, or 3 with ``multimask_output``.

    Attributes:
        masks: The masks on the image's pixels, bool (n, M, H, W).
        iou: The predicted IoU of the masks, float32 (n, M).
        logits: The logits of the padded input, float32 (n, M, 4h, 4w).
    """

    masks: np.ndarray
    iou: np.ndarray
    logits: np.ndarray


class OnnxSegmentor:
    """A model in the files of ``tools/deployment/export_onnx.py``.

    ``encode_image`` and ``decode_prompts`` do what those of
    ``PromptSegmentor`` do, with arrays instead of tensors. ``set_image`` and
    ``segment`` take images and prompts in the images' own pixels.

    Args:
        folder: The folder of ``encoder.onnx`` and ``decoder.onnx``.
        providers: The execution providers of onnxruntime, in order of
            preference, by their names in
            ``onnxruntime.get_available_providers()``; None means the CPU.
        threads: The number of CPU threads; 0 means one per core.
        runtime: ``'onnxruntime'``, or ``'openvino'``, which runs on the CPU.

    Attributes:
        preprocessing (Preprocessing): The preprocessing that the files
            describe.
        mask_input_size (tuple): The size of logits, (4h, 4w).
        provenance (dict): The origin of the files: the ``version`` of
            mmdbsam, the name of the ``config``, and ``checkpoint_sha256``.

    Raises:
        InputError: If the runtime is not installed or takes no providers, if
            a file is missing, damaged or not written by that tool, or if the
            two are not of one export.
    """

    def __init__(self, folder: Union[str, Path],
                 providers: Optional[Sequence[str]] = None,
                 threads: int = 0,
                 runtime: str = RUNTIMES[0]) -> None:
        verify_sums(Path(folder))
        self._encoder, self._decoder = (
            open_session(Path(folder, name), inputs, runtime, threads,
                         providers)
            for name, inputs in _INPUTS.items())
        texts = [self._encoder.metadata, self._decoder.metadata]
        if texts[0] is None or texts[0] != texts[1]:
            raise InputError(f'{folder}: expected {ENCODER} and {DECODER} of '
                             'one export of mmdbsam, found others')
        self.preprocessing, self.provenance = Preprocessing.from_json(
            texts[0], f'{folder}')
        self.mask_input_size = self._decoder.input_shape('masks')[2:]
        self._image: Optional[Tuple[np.ndarray, Tuple[int, int]]] = None

    def encode_image(self, images: np.ndarray) -> np.ndarray:
        """Compute the embeddings of images.

        Args:
            images: The preprocessed images, float32 (B, 3, S, S).

        Returns:
            np.ndarray: The embeddings, float32 (B, C, h, w).
        """
        return self._encoder.run(images=images)[0]

    def decode_prompts(self,
                       embedding: np.ndarray,
                       boxes: Optional[np.ndarray] = None,
                       points: Optional[Points] = None,
                       masks: Optional[np.ndarray] = None,
                       multimask_output: bool = False
                       ) -> Tuple[np.ndarray, np.ndarray]:
        """Decode n prompts of one image.

        Args:
            embedding: The image's embedding, (1, C, h, w).
            boxes: Boxes x0, y0, x1, y1 in pixels of the input, (n, 4).
            points: Points in pixels of the input, (n, P, 2), and their labels,
                (n, P): 1 for foreground, 0 for background, -1 for padding.
            masks: Logits of an earlier decoding, (n, 1, 4h, 4w).
            multimask_output: Whether to return three masks for each prompt
                instead of one.

        Returns:
            tuple: Low-resolution logits float32 (n, 1 or 3, 4h, 4w) and the
            predicted IoU float32 (n, 1 or 3).
        """
        number = len(next(prompt for prompt in (
            boxes, points and points[0], masks) if prompt is not None))
        coordinates, labels = _as_points(number, boxes, points)
        has_masks = masks is not None
        if not has_masks:
            # One row is enough, but not for decoders of older versions.
            masks = np.zeros((number, 1, *self.mask_input_size), np.float32)
        logits, iou = self._decoder.run(
            embedding=embedding, points=coordinates, point_labels=labels,
            masks=masks, has_masks=np.array(has_masks))
        wanted = slice(1, None) if multimask_output else slice(0, 1)
        return logits[:, wanted], iou[:, wanted]

    def set_image(self, image: np.ndarray) -> 'OnnxSegmentor':
        """Encode an image, whose prompts :meth:`segment` then decodes.

        Args:
            image: The image, uint8 (H, W), or RGB (H, W, 3).
                ``preprocessing.window`` says how its intensities become 8
                bits.

        Returns:
            OnnxSegmentor: The segmentor itself.

        Raises:
            InputError: If the image has another type or shape.
        """
        is_plane = image.ndim == 2 or image.shape[2:] == (3, )
        if image.dtype != np.uint8 or not is_plane or 0 in image.shape:
            raise InputError('image: expected uint8 (H, W) or (H, W, 3), '
                             f'found {image.dtype} {image.shape}')
        inputs = self.preprocessing(image)
        self._image = self.encode_image(inputs[None]), image.shape[:2]
        return self

    def segment(self,
                boxes: Optional[Sequence] = None,
                points: Optional[Sequence] = None,
                point_labels: Optional[Sequence] = None,
                masks: Optional[np.ndarray] = None,
                multimask_output: bool = False) -> Segmentation:
        """Segment n objects of the image that was set.

        Prompts of several kinds describe the same n objects.

        Args:
            boxes: Boxes x0, y0, x1, y1 as inclusive pixel indices of the
                image, (n, 4).
            points: Points x, y in pixels of the image, (n, P, 2).
            point_labels: The points' labels, (n, P): 1 on the object, 0 on
                the background, -1 for padding. None means that all points are
                on the object.
            masks: Logits of an earlier result, (n, 1, 4h, 4w).
            multimask_output: Whether to return three masks for each object
                instead of one.

        Raises:
            InputError: If no image was set, or a prompt is missing, outside
                the image, inverted, or of a wrong shape.
        """
        if self._image is None:
            raise InputError('image: expected one, set by set_image, found '
                             'none')
        embedding, shape = self._image
        resized = longest_side_shape(shape, self.preprocessing.image_size)
        if boxes is not None:
            boxes = _numbers('boxes', boxes, (-1, 4))
            corners = _inside('boxes', boxes.reshape(-1, 2, 2), shape)
            if (corners[:, 0] > corners[:, 1]).any():
                raise InputError('boxes: expected x0 <= x1 and y0 <= y1, '
                                 f'found {boxes.tolist()}')
            boxes = resize_coordinates(corners, shape, resized).reshape(-1, 4)
        if points is not None:
            found = _inside('points', _numbers('points', points, (-1, -1, 2)),
                            shape)
            labels = (np.ones(found.shape[:2]) if point_labels is None else
                      _numbers('point_labels', point_labels,
                               found.shape[:2]))
            if not np.isin(labels, (-1, 0, 1)).all():
                raise InputError('point_labels: expected 1, 0 or -1, found '
                                 f'{labels.tolist()}')
            points = resize_coordinates(found, shape, resized), labels
        if masks is not None:
            masks = _numbers('masks', masks, (-1, 1, *self.mask_input_size))
        _check_numbers(boxes, points, masks)
        logits, iou = self.decode_prompts(
            embedding, boxes, points, masks, multimask_output)
        return Segmentation(self.preprocessing.masks(logits, resized, shape),
                            iou, logits)


def _as_points(number: int, boxes: Optional[np.ndarray],
               points: Optional[Points]) -> Tuple[np.ndarray, np.ndarray]:
    """Turn points and boxes into points alone.

    Where there is no box, an empty point ends them, as in SAM's prompt
    encoder.

    Returns:
        tuple: The points, float32 (n, T, 2), and their labels, int64 (n, T).
    """
    coordinates: List[np.ndarray] = [np.zeros((number, 0, 2))]
    labels: List[np.ndarray] = [np.zeros((number, 0))]
    if points is not None:
        coordinates.append(points[0])
        labels.append(points[1])
        if boxes is None:
            coordinates.append(np.zeros((number, 1, 2)))
            labels.append(np.full((number, 1), _NO_POINT))
    if boxes is not None:
        coordinates.append(boxes.reshape(-1, 2, 2))
        labels.append(np.tile([_LOW_CORNER, _HIGH_CORNER], (number, 1)))
    return (np.concatenate(coordinates, axis=1).astype(np.float32),
            np.concatenate(labels, axis=1).astype(np.int64))


def _numbers(name: str, values: Sequence, shape: Tuple[int, ...]
             ) -> np.ndarray:
    """Read finite numbers, float32, of a shape in which -1 is any length.

    Raises:
        InputError: If the values are not finite, or of another shape.
    """
    found = np.asarray(values, np.float32)
    if found.ndim != len(shape) or any(
            wanted not in (-1, side) for wanted, side
            in zip(shape, found.shape, strict=True)):
        raise InputError(f'{name}: expected the shape {shape}, -1 for any '
                         f'number, found {found.shape}')
    if not np.isfinite(found).all():
        raise InputError(f'{name}: expected finite numbers, found others')
    return found


def _inside(name: str, points: np.ndarray, shape: Tuple[int, int]
            ) -> np.ndarray:
    """Refuse points outside the image, and move those on its rim inwards.

    Raises:
        InputError: If a point lies outside the image.
    """
    last = np.float32(shape[::-1]) - 1
    outside = (points < -0.5) | (points > last + 0.5)
    if outside.any():
        raise InputError(f'{name}: expected x in 0..{last[0]:g} and y in 0..'
                         f'{last[1]:g}, found {points[outside][0]:g}')
    return points.clip(0, last)


def _check_numbers(boxes: Optional[np.ndarray], points: Optional[Points],
                   masks: Optional[np.ndarray]) -> None:
    numbers = {len(prompt) for prompt in (boxes, points and points[0], masks)
               if prompt is not None}
    if len(numbers) != 1 or 0 in numbers:
        raise InputError(
            'prompts: expected boxes, points or masks of at least one object, '
            f'of the same number each, found {sorted(numbers) or "none"}')
