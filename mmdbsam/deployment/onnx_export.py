"""Exports a model as two ONNX files, an image encoder and a decoder."""

import warnings
from dataclasses import asdict
from pathlib import Path
from typing import Any, Dict, Iterator, Optional, Sequence

import numpy as np
import onnx
import torch
from mmengine.config import Config
from onnx_ir.passes.common import (
    ClearMetadataAndDocStringPass,
    RemoveUnusedNodesPass,
)
from torch import Tensor, nn
from torch.export import Dim

from mmdbsam.deployment.calibration import Calibration
from mmdbsam.deployment.onnx_segmentor import (
    DECODER,
    ENCODER,
    OnnxSegmentor,
)
from mmdbsam.deployment.preprocessing import Preprocessing
from mmdbsam.deployment.provenance import PROVENANCE, write_provenance
from mmdbsam.deployment.quantization import (
    agreement,
    quantise_encoder,
    segment_held,
)
from mmdbsam.deployment.runtimes import METADATA_KEY
from mmdbsam.errors import InputError
from mmdbsam.io.atomic import staged_folder
from mmdbsam.io.checksums import SUMS, write_sums
from mmdbsam.io.windowing import as_windows, default_window
from mmdbsam.models import PromptSegmentor
from mmdbsam.models.segmentors import (
    MinMaxDataPreProcessor,
    SAMDataPreProcessor,
)

OPSET = 20
#: The greatest difference allowed between the files' logits and torch's.
TOLERANCE = 1e-3

_PIPELINE = ('LoadSlice', 'BoxPromptsFromMask', 'ResizeLongestSide',
             'PackPromptSample')


class PromptDecoder(nn.Module):
    """The prompt encoder and the mask head, as one graph.

    Boxes are given by their corners, as points with labels of their own, as
    in SAM's ONNX models, so that any combination of prompts is one input.

    Args:
        model: The model whose prompts are decoded.
    """

    def __init__(self, model: PromptSegmentor) -> None:
        super().__init__()
        self.prompt_encoder = model.prompt_encoder
        self.mask_head = model.mask_head

    def forward(self, embedding: Tensor, points: Tensor, point_labels: Tensor,
                masks: Tensor, has_masks: Tensor) -> tuple:
        """Decode n prompts of one image.

        Args:
            embedding: The image's embedding, (1, C, h, w).
            points: Points x, y in pixels of the input, (n, T, 2).
            point_labels: The points' labels, int64 (n, T): 1 for foreground,
                0 for background, 2 and 3 for the top left and the bottom
                right corner of a box, -1 for no point.
            masks: Logits of an earlier decoding, (n, 1, 4h, 4w), or
                (1, 1, 4h, 4w) if the prompts share them.
            has_masks: Whether ``masks`` count, as a bool tensor.

        Returns:
            tuple: Logits (n, 4, 4h, 4w) of the single mask and of the three
            for ambiguous prompts, and their predicted IoU (n, 4).
        """
        encoder, head = self.prompt_encoder, self.mask_head
        embeddings = torch.cat([
            encoder.not_a_point_embed.weight,
            *(one.weight for one in encoder.point_embeddings)])
        position = encoder.pe_layer.forward_with_coords(
            points + 0.5, encoder.input_image_size)
        is_point = (point_labels >= 0)[..., None].to(position.dtype)
        sparse = position * is_point + embeddings[point_labels + 1]

        # Masks are taken in turn, or the only one by all. Both numbers vary
        # on their own, so that the exporter cannot assume them to be equal.
        index = torch.minimum(torch.arange(points.shape[0]),
                              torch.arange(masks.shape[0])[-1])
        if encoder.click_radius is not None:
            masks = encoder.with_clicks(masks[index], points, point_labels)
            index = torch.arange(points.shape[0])
        # No step is conditional on an input: OpenVINO would fix the number of
        # prompts of a condition by the first one that it meets.
        dense = encoder.embed_masks(masks, has_masks[None])
        return head.decode_masks(embedding, encoder.get_dense_pe(), sparse,
                                 dense[index])


def preprocessing_of(cfg: Config, model: PromptSegmentor) -> Preprocessing:
    """Describe the preprocessing of images for the files' metadata.

    Raises:
        InputError: If the test pipeline or the data preprocessor does
            something that the metadata cannot describe.
    """
    steps = [step['type'] for step in cfg.test_dataloader.dataset.pipeline]
    other = set(steps) - set(_PIPELINE)
    if other or 'ResizeLongestSide' not in steps:
        raise InputError('test_dataloader.dataset.pipeline: expected '
                         f'{", ".join(_PIPELINE)}, found {", ".join(steps)}')
    data_preprocessor = model.data_preprocessor
    kind = type(data_preprocessor)
    if kind not in (SAMDataPreProcessor, MinMaxDataPreProcessor):
        raise InputError('model.data_preprocessor: expected '
                         'SAMDataPreProcessor or MinMaxDataPreProcessor, '
                         f'found {kind.__name__}')
    is_scaled = kind is MinMaxDataPreProcessor
    mean, std = (None, None) if is_scaled else (
        x.flatten().tolist() for x in (data_preprocessor.mean,
                                       data_preprocessor.std))
    modality, chosen = cfg.get('modality'), as_windows(cfg.get('window'))
    windows = chosen
    if modality and not chosen:
        windows = (default_window(modality), )
    return Preprocessing(
        image_size=data_preprocessor.size,
        normalisation='min_max' if is_scaled else 'mean_std', mean=mean,
        std=std, mask_threshold=model.mask_threshold, modality=modality,
        window=[asdict(window) for window in windows],
        windows_8_bits=bool(chosen))


@torch.no_grad()
def export_onnx(model: PromptSegmentor, folder: Path,
                preprocessing: Preprocessing,
                calibration: Optional[Calibration] = None,
                **provenance: Any) -> Dict[str, float]:
    """Write ``encoder.onnx`` and ``decoder.onnx``, both of them or neither.

    Weights beyond ONNX's limit of 2 GB are written to files beside them, and
    checksums to ``SHA256SUMS``.

    Args:
        model: The model, in evaluation mode, on the CPU, in float32.
        folder: A folder that is new, empty, or holds an earlier export.
        preprocessing: The preprocessing, for the files' metadata.
        calibration: The slices for an encoder in 8 bits; None means float32.
        **provenance: The origin of the model, for the files' metadata.

    Returns:
        dict: The largest difference between the files' results and torch's,
        for each of ``'embedding'``, ``'logits'`` and ``'iou'``, all of it
        before the encoder is quantised. With a calibration, ``'agreement'`` is
        the mean DSC, in percent, between the masks of held slices before and
        after that.

    Raises:
        InputError: If the folder holds something else, or the logits differ
            by more than :data:`TOLERANCE`.
    """
    _check_vacant(folder)
    if calibration:
        provenance['encoder'] = dict(precision='int8',
                                     calibrated_on=calibration.about)
    text = preprocessing.to_json(**provenance)
    side, grid = model.image_encoder.img_size, model.image_encoder.out_size
    batch, prompts, points, given = (Dim(name, min=1) for name in (
        'batch', 'prompts', 'points', 'given_masks'))
    with staged_folder(folder) as staging:
        _write(model.image_encoder, (torch.zeros(2, 3, side, side), ),
               staging / ENCODER, text, ['images'], ['embeddings'],
               ({0: batch}, ))
        embedding = torch.zeros(1, model.prompt_encoder.embed_dim, grid, grid)
        masks = torch.zeros(2, 1, *model.mask_input_size)
        _write(PromptDecoder(model).eval(),
               (embedding, torch.zeros(3, 2, 2),
                torch.zeros(3, 2, dtype=torch.int64), masks,
                torch.tensor(True)),
               staging / DECODER, text,
               ['embedding', 'points', 'point_labels', 'masks', 'has_masks'],
               ['logits', 'iou'],
               ({}, {0: prompts, 1: points}, {0: prompts, 1: points},
                {0: given}, {}))
        exported = OnnxSegmentor(staging)
        found = differences(model, exported)
        if not found['logits'] <= TOLERANCE:
            raise InputError(
                f'{folder}: expected logits within {TOLERANCE} of torch\'s, '
                f'found a difference of {found["logits"]:.3g}; nothing is '
                'written')
        if calibration:
            wanted = segment_held(exported, calibration)
            quantise_encoder(staging / ENCODER,
                             [preprocessing(image)
                              for image in calibration.images])
            found['agreement'] = agreement(
                segment_held(OnnxSegmentor(staging), calibration), wanted)
        write_provenance(staging, provenance)
        write_sums(staging)
    return found


def differences(model: PromptSegmentor,
                exported: OnnxSegmentor) -> Dict[str, float]:
    """Measure how far an exported model is from torch's.

    Both are given two random images, and prompts of every kind.

    Returns:
        dict: The largest absolute difference of the ``'embedding'``, of the
        ``'logits'`` and of the predicted ``'iou'``.
    """
    generator = np.random.default_rng(0)
    side = model.image_encoder.img_size
    pixels = generator.integers(0, 256, (2, side, side, 3), np.uint8)
    images = np.stack([exported.preprocessing(image) for image in pixels])
    wanted = model.image_encoder(torch.from_numpy(images))
    embeddings = exported.encode_image(images)
    found = dict(embedding=_distance(embeddings, wanted), logits=0., iou=0.)
    for prompts in _prompts(generator, side, model):
        tensors = {
            name: tuple(map(torch.from_numpy, value))
            if isinstance(value, tuple) else torch.from_numpy(value)
            for name, value in prompts.items()}
        for several in (False, True):
            both = zip(
                exported.decode_prompts(embeddings[:1], **prompts,
                                        multimask_output=several),
                model.decode_prompts(wanted[:1], **tensors,
                                     multimask_output=several), strict=True)
            for name, (ours, theirs) in zip(('logits', 'iou'), both,
                                            strict=True):
                found[name] = max(found[name], _distance(ours, theirs))
    return found


def _prompts(generator: np.random.Generator, side: int,
             model: PromptSegmentor) -> Iterator[dict]:
    """Yield arguments of ``decode_prompts``, for one and more objects."""

    def draw(*shape: int) -> np.ndarray:
        return generator.random(shape, np.float32)

    def boxes(number: int) -> np.ndarray:
        return np.sort(draw(number, 2, 2) * side, axis=1).reshape(-1, 4)

    def points(number: int) -> tuple:
        return (draw(number, 3, 2) * side,
                generator.integers(-1, 2, (number, 3)))

    masks = 10 * draw(2, 1, *model.mask_input_size) - 5
    yield dict(boxes=boxes(1))
    yield dict(boxes=boxes(8))
    yield dict(points=points(2))
    yield dict(masks=masks)
    yield dict(boxes=boxes(2), points=points(2), masks=masks)


def _distance(ours: np.ndarray, theirs: Tensor) -> float:
    return float(np.abs(ours - theirs.numpy()).max())


def _write(module: nn.Module, arguments: tuple, path: Path, metadata: str,
           inputs: Sequence[str], outputs: Sequence[str],
           dynamic_shapes: tuple) -> None:
    with warnings.catch_warnings():
        # The exporter warns of every axis that shares its name with another.
        warnings.filterwarnings('ignore', message='# The axis name')
        program = torch.onnx.export(
            module, arguments, dynamo=True, opset_version=OPSET,
            input_names=inputs, output_names=outputs,
            dynamic_shapes=dynamic_shapes, verbose=False)
    # The metadata would quote the source with this machine's paths.
    ClearMetadataAndDocStringPass()(program.model)
    # The exporter leaves unused nodes, of which onnxruntime would warn.
    RemoveUnusedNodesPass()(program.model)
    program.model.metadata_props[METADATA_KEY] = metadata
    program.save(path)
    onnx.checker.check_model(path, full_check=True)


def _check_vacant(folder: Path) -> None:
    """Refuse to replace anything but an earlier export."""
    if not folder.exists():
        return
    others = [] if not folder.is_dir() else [
        file.name for file in folder.iterdir()
        if file.name.removesuffix('.data') not in (
            ENCODER, DECODER, PROVENANCE, SUMS)]
    if others or not folder.is_dir():
        raise InputError(
            f'{folder}: expected a new or empty folder, or an earlier '
            f'export, found {others[0] if others else "a file"}')
