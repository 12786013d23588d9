"""The machine and its two limits: moving bytes, and multiplying."""

import platform

import torch

from gpu_sections.measuring import (
    Section,
    Settings,
    guarded,
    milliseconds,
)
from mmdbsam.ops import available_backends


def copy_gigabytes(device: str, quick: bool) -> float:
    """The bytes that a copy reads and writes in a second, in GB/s."""
    size = 1 << (20 if quick else 29)
    source = torch.randint(256, (size, ), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    return 2 * size / milliseconds(lambda: target.copy_(source), device) / 1e6


def run(settings: Settings) -> Section:
    """Yield the names and versions, then the rates."""
    device = settings.device
    names = {'python': platform.python_version(), 'torch': torch.__version__}
    if device == 'cuda':
        properties = torch.cuda.get_device_properties(0)
        names.update({
            'card': properties.name,
            'memory, GB': round(properties.total_memory / 1e9, 1),
            'multiprocessors': properties.multi_processor_count,
            'CUDA': torch.version.cuda})
    try:
        import triton
        names['triton'] = triton.__version__
    except ImportError:
        names['triton'] = 'missing'
    yield from ({'what': name, 'value': value}
                for name, value in names.items())
    for name, reason in available_backends().items():
        yield {'what': f'MSDA backend {name}', 'value': reason or 'usable'}
    yield guarded({'what': 'copy, GB/s'}, lambda: {
        'value': copy_gigabytes(device, settings.quick)})
    side = 256 if settings.quick else 8192
    for name, dtype in (('float32', torch.float32),
                        ('bfloat16', torch.bfloat16)):
        left, right = torch.randn(2, side, side, device=device,
                                  dtype=dtype).unbind()
        yield guarded({'what': f'matrix product {name}, TFLOP/s'}, lambda: {
            'value': 2 * side**3 / milliseconds(
                lambda: left @ right, device) / 1e9})  # noqa: B023
