"""The exported encoder, run by onnxruntime on the GPU."""

import tempfile
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from benchmark_encoder import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from gpu_sections.measuring import (
    Row,
    Section,
    Settings,
    guarded,
    milliseconds,
)
from mmdbsam.registry import MODELS

PROVIDER = 'CUDAExecutionProvider'


def measure(config: str, folder: Path, device: str) -> Row:
    """Times of torch and of onnxruntime, with the input on the device."""
    cfg = Config.fromfile(ROOT / config).model.image_encoder
    torch.manual_seed(0)
    encoder = MODELS.build(cfg).eval()
    side = encoder.img_size
    image = torch.randn(1, 3, side, side)
    path = folder / 'encoder.onnx'
    with torch.no_grad():
        torch.onnx.export(encoder, (image, ), path, dynamo=True,
                          verbose=False)
    session = onnxruntime.InferenceSession(
        path, providers=[PROVIDER if device == 'cuda' else
                         'CPUExecutionProvider'])
    name = session.get_inputs()[0].name
    binding = session.io_binding()
    value = onnxruntime.OrtValue.ortvalue_from_numpy(
        image.numpy(), device, 0)
    binding.bind_ortvalue_input(name, value)
    binding.bind_output(session.get_outputs()[0].name, device)

    def call() -> None:
        session.run_with_iobinding(binding)

    call()
    found = binding.copy_outputs_to_cpu()[0]
    encoder, image = encoder.to(device), image.to(device)
    with torch.inference_mode():
        wanted = encoder(image).float().cpu().numpy()
        plain = milliseconds(lambda: encoder(image), device)
    return {'torch, ms': plain, 'onnxruntime, ms': milliseconds(call, device),
            'provider': session.get_providers()[0],
            'difference': float(np.abs(found - wanted).max()
                                / np.abs(wanted).max())}


def run(settings: Settings) -> Section:
    """Yield a row a config, or say why there is none."""
    init_default_scope('mmdbsam')
    providers = onnxruntime.get_available_providers()
    if settings.device == 'cuda' and PROVIDER not in providers:
        yield {'error': f'onnxruntime {onnxruntime.__version__} has only '
               + ', '.join(providers)}
        return
    configs = ('tests/data/dbsam_tiny_spine.py', ) if settings.quick else (
        'configs/dbsam_tinyvit_ct.py', )
    for config in configs:
        with tempfile.TemporaryDirectory() as temporary:
            yield guarded({'config': config, 'type': 'float32'},
                          lambda: measure(config, Path(temporary),  # noqa
                                          settings.device))
