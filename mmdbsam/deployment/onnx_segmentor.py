"""An exported model, run by onnxruntime: without torch, in numpy."""

from pathlib import Path
from typing import (
    TYPE_CHECKING,
    List,
    NamedTuple,
    Optional,
    Sequence,
    Tuple,
    Union,
)

import numpy as np

from mmdbsam.deployment.preprocessing import Preprocessing
from mmdbsam.errors import InputError
from mmdbsam.geometry.resizing import longest_side_shape, resize_coordinates

if TYPE_CHECKING:
    import onnxruntime

ENCODER = 'encoder.onnx'
DECODER = 'decoder.onnx'
#: The key of the files' metadata that holds the preprocessing as JSON.
METADATA_KEY = 'mmdbsam'

# Of points: none, and the corners of a box.
_NO_POINT, _LOW_CORNER, _HIGH_CORNER = -1, 2, 3

Points = Tuple[np.ndarray, np.ndarray]


class Segmentation(NamedTuple):
    """Masks of n prompts; M is 1, or 3 with ``multimask_output``."""

    masks: np.ndarray  # bool (n, M, H, W)
    iou: np.ndarray  # float32 (n, M), predicted
    logits: np.ndarray  # float32 (n, M, 4h, 4w), of the padded input


class OnnxSegmentor:
    """The files of ``tools/deployment/export_onnx.py``.

    ``encode_image`` and ``decode_prompts`` are those of ``PromptSegmentor``,
    with arrays for tensors. ``set_image`` and ``segment`` are for images and
    prompts in their own pixels.

    Args:
        folder: Where ``encoder.onnx`` and ``decoder.onnx`` are.
        providers: What onnxruntime computes with, the first that can: a name
            of ``onnxruntime.get_available_providers()`` each.
        threads: Of a CPU; 0 for one a core.

    Attributes:
        preprocessing (Preprocessing): What the files say of images.
        mask_input_size (tuple): (4h, 4w), the size of logits.
        provenance (dict): Where the files come from: the ``version`` of
            mmdbsam, the name of the ``config``, and ``checkpoint_sha256``.

    Raises:
        InputError: If a file is missing or damaged, or is none of that tool,
            or the two are not of one export.
    """

    def __init__(self, folder: Union[str, Path],
                 providers: Sequence[str] = ('CPUExecutionProvider', ),
                 threads: int = 0) -> None:
        self._encoder, self._decoder = (
            _load(Path(folder, name), providers, threads)
            for name in (ENCODER, DECODER))
        texts = [session.get_modelmeta().custom_metadata_map.get(METADATA_KEY)
                 for session in (self._encoder, self._decoder)]
        if texts[0] is None or texts[0] != texts[1]:
            raise InputError(f'{folder}: expected {ENCODER} and {DECODER} of '
                             'one export of mmdbsam, found others')
        self.preprocessing, self.provenance = Preprocessing.from_json(
            texts[0])
        shapes = {one.name: one.shape for one in self._decoder.get_inputs()}
        self.mask_input_size = tuple(shapes['masks'][2:])
        self._image: Optional[Tuple[np.ndarray, Tuple[int, int]]] = None

    def encode_image(self, images: np.ndarray) -> np.ndarray:
        """Embeddings of images.

        Args:
            images: float32 (B, 3, S, S), preprocessed.

        Returns:
            float32 (B, C, h, w).
        """
        return self._encoder.run(None, dict(images=images))[0]

    def decode_prompts(self,
                       embedding: np.ndarray,
                       boxes: Optional[np.ndarray] = None,
                       points: Optional[Points] = None,
                       masks: Optional[np.ndarray] = None,
                       multimask_output: bool = False
                       ) -> Tuple[np.ndarray, np.ndarray]:
        """Decode n prompts of one image.

        Args:
            embedding: (1, C, h, w).
            boxes: (n, 4), x0, y0, x1, y1 in pixels of the input.
            points: Coordinates (n, P, 2) in pixels of the input, and labels
                (n, P): 1 foreground, 0 background, -1 padding.
            masks: (n, 1, 4h, 4w), logits of an earlier decoding.
            multimask_output: Three masks a prompt instead of one.

        Returns:
            tuple: Low-resolution logits float32 (n, 1 or 3, 4h, 4w) and the
            predicted IoU float32 (n, 1 or 3).
        """
        number = len(next(prompt for prompt in (
            boxes, points and points[0], masks) if prompt is not None))
        coordinates, labels = _as_points(number, boxes, points)
        has_masks = masks is not None
        if not has_masks:
            masks = np.zeros((number, 1, *self.mask_input_size), np.float32)
        logits, iou = self._decoder.run(None, dict(
            embedding=embedding, points=coordinates, point_labels=labels,
            masks=masks, has_masks=np.array(has_masks)))
        wanted = slice(1, None) if multimask_output else slice(0, 1)
        return logits[:, wanted], iou[:, wanted]

    def set_image(self, image: np.ndarray) -> 'OnnxSegmentor':
        """Encode an image; :meth:`segment` then decodes its prompts.

        Args:
            image: uint8 (H, W), or RGB (H, W, 3); how intensities become 8
                bits, ``preprocessing.window`` says.

        Returns:
            OnnxSegmentor: This one.

        Raises:
            InputError: If it is of another type or shape.
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

        Prompts of several kinds are of the same n objects.

        Args:
            boxes: (n, 4), x0, y0, x1, y1, inclusive pixel indices of the
                image.
            points: (n, P, 2), x and y in pixels of the image.
            point_labels: (n, P): 1 of the object, 0 of the background, -1
                padding; None if all are of the object.
            masks: Logits of an earlier result, (n, 1, 4h, 4w).
            multimask_output: Three masks an object instead of one.

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


def _load(path: Path, providers: Sequence[str], threads: int
          ) -> 'onnxruntime.InferenceSession':
    try:
        import onnxruntime
    except ModuleNotFoundError as error:
        raise InputError('expected the package onnxruntime, found none; '
                         "pip install 'mmdbsam[onnx]' brings it") from error
    if not path.is_file():
        raise InputError(f'{path}: no such file')
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    try:
        return onnxruntime.InferenceSession(path, options,
                                            providers=list(providers))
    except Exception as error:
        # onnxruntime has no common error for this.
        line = str(error).strip().splitlines()[0]
        raise InputError(f'{path}: expected an ONNX model, found: {line}'
                         ) from error


def _as_points(number: int, boxes: Optional[np.ndarray],
               points: Optional[Points]) -> Tuple[np.ndarray, np.ndarray]:
    """All that has coordinates as points; one of none ends them, without a
    box, as in SAM's prompt encoder.

    Returns:
        tuple: float32 (n, T, 2) and int64 (n, T).
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
    """float32 of a shape, in which -1 is any number.

    Raises:
        InputError: If they are none.
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
    """Points in pixels, those on the image's rim moved to its last centres.

    Raises:
        InputError: If one lies outside the image.
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
