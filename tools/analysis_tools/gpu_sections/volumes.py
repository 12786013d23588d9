"""A volume of 133 slices, from its file to the file of its mask."""

import tempfile
import time
from pathlib import Path

import numpy as np
import SimpleITK as sitk
import torch
from benchmark_encoder import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope

from gpu_sections.measuring import Row, Section, Settings, guarded
from mmdbsam.apis import PromptInferencer, VolumeBox
from mmdbsam.registry import MODELS

SHAPE = (133, 512, 512)


def write_scan(path: Path, shape: tuple) -> None:
    """Write a noisy ball in air, as a CT."""
    generator = np.random.default_rng(0)
    axes = np.ogrid[tuple(slice(-1, 1, side * 1j) for side in shape)]
    ball = sum(axis**2 for axis in axes) < 0.5
    values = np.where(ball, 60, -900) + generator.normal(0, 20, shape)
    sitk.WriteImage(sitk.GetImageFromArray(values.astype(np.int16)),
                    str(path))


def measure(config: str, folder: Path, shape: tuple, device: str,
            amp: bool) -> Row:
    """Seconds from the file of a scan to the file of a mask."""
    cfg = Config.fromfile(ROOT / config)
    cfg.model.pretrained = None
    torch.manual_seed(0)
    checkpoint = folder / 'weights.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()),
               checkpoint)
    inferencer = PromptInferencer(cfg, str(checkpoint), device=device,
                                  amp='force' if amp else False)
    scan = folder / 'scan.nii.gz'
    depth, height, width = shape
    # Nothing is followed with random weights.
    box = VolumeBox([width // 4, height // 4, 0, 3 * width // 4,
                     3 * height // 4, depth - 1], each_slice=True)
    seconds = []
    for _ in range(2):
        start = time.perf_counter()
        found = inferencer.segment_volume(str(scan), box)
        segmented = time.perf_counter()
        sitk.WriteImage(found.image(), str(folder / 'mask.nii.gz'))
        seconds.append((time.perf_counter() - start, segmented - start))
    return {'slices': depth, 'first run, s': seconds[0][0],
            's': seconds[1][0], 's to the mask': seconds[1][1],
            'slices/s': depth / seconds[1][0]}


def run(settings: Settings) -> Section:
    """Yield a row a model and precision."""
    init_default_scope('mmdbsam')
    shape = (3, 64, 64) if settings.quick else SHAPE
    configs = (['tests/data/dbsam_tiny_spine.py'] if settings.quick else
               ['configs/dbsam_tinyvit_ct.py', 'configs/dbsam_vitb_ct.py'])
    with tempfile.TemporaryDirectory() as temporary:
        write_scan(Path(temporary, 'scan.nii.gz'), shape)
        for config in configs:
            for amp in (True, False):
                if settings.left < 0:
                    return
                yield guarded(
                    {'config': Path(config).stem,
                     'type': 'bfloat16' if amp else 'float32'},
                    lambda: measure(config, Path(temporary),  # noqa: B023
                                    shape, settings.device,
                                    amp))  # noqa: B023
