"""Turns an exported encoder into one of 8 bits.

Convolutions and products with weights are computed from integers: weights of
7 bits in ranges of their own for each channel, and 8-bit values in ranges
that are measured on calibration slices (static quantisation, Jacob et al.,
arXiv:1712.05877). Products of two computed values, as in attention, stay in
float32, because their ranges differ too much between images. The eighth bit of
the weights would overflow the sums of CPUs without VNNI.
"""

import os
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, Iterator, List, Optional

import numpy as np
import onnx
from onnxruntime.quantization import (
    CalibrationDataReader,
    QuantType,
    quantize_static,
)

from mmdbsam.deployment.calibration import Calibration
from mmdbsam.deployment.onnx_segmentor import OnnxSegmentor

NO_GAIN = ('--int8: this CPU has no instructions for 8-bit products (VNNI), '
           'so the encoder is not expected to be faster than in float32 here')

# Each box that is decoded together with others needs memory of its own.
_AT_ONCE = 8
_QUANTISED = ['Conv', 'Gemm', 'MatMul']
# The flags of VNNI and AMX on x86, and of the dot products of Arm.
_FLAGS = {'avx512_vnni', 'avx_vnni', 'amx_int8', 'asimddp'}


def has_8_bit_products(cpuinfo: Path = Path('/proc/cpuinfo')
                       ) -> Optional[bool]:
    """Whether this CPU has instructions for products of 8 bits.

    Args:
        cpuinfo: The file in which Linux describes the CPU.

    Returns:
        bool or None: None where the system does not say.
    """
    if not cpuinfo.is_file():
        return None
    lines = cpuinfo.read_text(errors='replace').splitlines()
    return any(_FLAGS & set(line.partition(':')[2].split()) for line in lines
               if line.startswith(('flags', 'Features')))


def quantise_encoder(path: Path, images: List[np.ndarray]) -> None:
    """Replace an encoder in float32 by the same in 8 bits.

    Args:
        path: The encoder's ONNX file, with its weights beside it if they
            exceed ONNX's limit.
        images: The inputs that the ranges of values are measured on, float32
            (3, S, S).
    """
    with TemporaryDirectory(dir=path.parent) as folder:
        source = Path(folder, path.name)
        beside = path.with_name(f'{path.name}.data')
        is_large = beside.exists()
        if is_large:
            os.replace(beside, source.with_name(beside.name))
        model = onnx.load(path, load_external_data=False)
        metadata = {one.key: one.value for one in model.metadata_props}
        # Without it, a warning recommends optimisations that find nothing.
        onnx.helper.set_model_props(
            model, {'onnx.quant.pre_process': 'onnxruntime.quant'})
        onnx.save(model, source)
        quantize_static(
            source, path, _Images(images), op_types_to_quantize=_QUANTISED,
            nodes_to_exclude=_products_of_values(model), per_channel=True,
            reduce_range=True, activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8, use_external_data_format=is_large,
            # What follows products computes in float32 anyway. The ranges are
            # means over the slices, as the widest of a slice cost 0.7 DSC.
            extra_options=dict(
                OpTypesToExcludeOutputQuantization=['Gemm', 'MatMul'],
                CalibMovingAverage=True))
    quantised = onnx.load(path, load_external_data=False)
    onnx.helper.set_model_props(quantised, metadata)
    onnx.save(quantised, path)
    onnx.checker.check_model(path, full_check=True)


def segment_held(segmentor: OnnxSegmentor,
                 calibration: Calibration) -> List[np.ndarray]:
    """Segment the labels of the slices that are held for a check.

    Returns:
        list[np.ndarray]: The masks of each slice's labels, bool (n, H, W).
    """
    masks = []
    for image, boxes in calibration.held:
        segmentor.set_image(image)
        masks.append(np.concatenate([
            segmentor.segment(boxes[i:i + _AT_ONCE]).masks[:, 0]
            for i in range(0, len(boxes), _AT_ONCE)]))
    return masks


def agreement(ours: List[np.ndarray], theirs: List[np.ndarray]) -> float:
    """The mean DSC between two models' masks, in percent.

    Args:
        ours: The masks of each slice, bool (n, H, W).
        theirs: The other model's masks of the same labels.
    """
    pairs = [pair for masks in zip(ours, theirs, strict=True)
             for pair in zip(*masks, strict=True)]
    return 100 * float(np.mean([
        2 * (a & b).sum() / max(1, a.sum() + b.sum()) if (a | b).any() else 1.
        for a, b in pairs]))


def _products_of_values(model: onnx.ModelProto) -> List[str]:
    """The names of the products that have no weight."""
    weights = {one.name for one in model.graph.initializer}
    return [node.name for node in model.graph.node
            if node.op_type == 'MatMul' and not weights & set(node.input)]


class _Images(CalibrationDataReader):
    """Gives the calibration one image after the other."""

    def __init__(self, images: List[np.ndarray]) -> None:
        self._images: Iterator[np.ndarray] = iter(images)

    def get_next(self) -> Optional[Dict[str, np.ndarray]]:
        """The inputs of the encoder for the next image; None at the end."""
        image = next(self._images, None)
        return None if image is None else dict(images=image[None])
