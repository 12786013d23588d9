"""Exported models, and the image that they are asked about."""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope

from mmdbsam.deployment.onnx_export import export_onnx, preprocessing_of
from mmdbsam.deployment.runtimes import RUNTIMES
from mmdbsam.geometry.boxes import tight_boxes
from mmdbsam.io.checksums import SUMS
from mmdbsam.io.prepared import PreparedData
from mmdbsam.models import PromptSegmentor
from mmdbsam.registry import MODELS


class Exported(NamedTuple):
    """A model of torch, its weights' file, and the folder of its export."""

    cfg: Config
    model: PromptSegmentor
    checkpoint: Path
    folder: Path
    found: dict


def build(cfg):
    """A model in which nothing is zero, so that each block has its effect."""
    init_default_scope('mmdbsam')
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    for parameter in model.parameters():
        if not parameter.any():
            torch.nn.init.normal_(parameter, std=0.02)
    return model.eval().requires_grad_(False)


def export(cfg, folder):
    """Export a model as the tool does."""
    model = build(cfg)
    checkpoint = folder.with_name('epoch_1.pth')
    torch.save(model.state_dict(), checkpoint)
    found = export_onnx(model, folder, preprocessing_of(cfg, model),
                        version='1', config='a', checkpoint_sha256='0')
    return Exported(cfg, model, checkpoint, folder, found)


@pytest.fixture(params=RUNTIMES)
def runtime(request):
    """Each of the runtimes of exported models."""
    return request.param


@pytest.fixture(scope='session')
def exported_tiny(repo_root, tmp_path_factory):
    """DB-SAM on SAM's ViT, tiny and random."""
    cfg = Config.fromfile(repo_root / 'tests/data/dbsam_tiny_spine.py')
    return export(cfg, tmp_path_factory.mktemp('tiny') / 'onnx')


@pytest.fixture(scope='session')
def exported_clicks(repo_root, tmp_path_factory):
    """The tiny DB-SAM whose clicks are drawn into mask prompts."""
    cfg = Config.fromfile(repo_root / 'tests/data/dbsam_tiny_spine.py')
    cfg.model.prompt_encoder.click_radius = 3
    return export(cfg, tmp_path_factory.mktemp('clicks') / 'onnx')


@pytest.fixture(scope='session')
def exported_lite(repo_root, lite_medsam, tmp_path_factory):
    """DB-SAM on LiteMedSAM, with its weights."""
    cfg = Config.fromfile(repo_root / 'configs/dbsam_tinyvit_ct.py')
    cfg.model.pretrained = str(lite_medsam)
    return export(cfg, tmp_path_factory.mktemp('lite') / 'onnx')


@pytest.fixture(scope='session')
def spine_slice(prepared_spine):
    """uint8 (60, 73) of a real CT, the box of its vertebra and another."""
    case = PreparedData(prepared_spine).cases[0]
    index = len(case.image()) // 2
    label = np.array(case.label()[0, index])
    masks = label == np.unique(label[label > 0])[:, None, None]
    boxes = [*tight_boxes(masks), [3, 4, 30, 41]]
    return np.array(case.image()[index, :60]), np.array(boxes, np.float32)


@pytest.fixture
def editable_copy(exported_tiny, tmp_path):
    """A copy of the export whose files no checksums guard."""
    return shutil.copytree(exported_tiny.folder, tmp_path / 'copy',
                           ignore=shutil.ignore_patterns(SUMS))
