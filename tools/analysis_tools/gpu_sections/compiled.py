"""``torch.compile`` of the encoders, without a break in the graph."""

import time

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


def measure(config: str, device: str, backend: str, amp: bool) -> Row:
    """The seconds to compile, both times, and the difference."""
    cfg = Config.fromfile(ROOT / config).model.image_encoder
    torch.manual_seed(0)
    encoder = MODELS.build(cfg).to(device).eval()
    side = encoder.img_size
    image = torch.randn(1, 3, side, side, device=device)
    torch.compiler.reset()
    compiled = torch.compile(encoder, fullgraph=True, backend=backend)
    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=amp):
        wanted = encoder(image).float()
        start = time.perf_counter()
        found = compiled(image).float()
        seconds = time.perf_counter() - start
        return {'s to compile': seconds,
                'plain, ms': milliseconds(lambda: encoder(image), device),
                'compiled, ms': milliseconds(lambda: compiled(image), device),
                'difference': ((found - wanted).abs().max()
                               / wanted.abs().max()).item()}


def run(settings: Settings) -> Section:
    """Yield a row a config and compiler."""
    init_default_scope('mmdbsam')
    tiny = 'tests/data/dbsam_tiny_spine.py'
    for config, backend, amp in (
            (tiny, 'inductor', False),
            ('configs/dbsam_vitb_ct.py', 'eager', True),
            ('configs/dbsam_vitb_ct.py', 'inductor', True)):
        if settings.left < 0 or settings.quick and config != tiny:
            return
        yield guarded(
            {'config': config, 'backend': backend,
             'type': 'bfloat16' if amp else 'float32'},
            lambda: measure(config, settings.device, backend,  # noqa: B023
                            amp))  # noqa: B023
