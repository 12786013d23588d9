"""Fixtures of the data tests."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import volume

from mmdbsam.datasets.preparation import SplitPlan, prepare_dataset


@pytest.fixture(scope='session')
def repo_root():
    """The repository's folder."""
    return Path(__file__).parents[2]


@pytest.fixture(scope='session')
def prepared_spine(repo_root, tmp_path_factory):
    """The prepared spine CT of tests/data, split by slices."""
    dest = tmp_path_factory.mktemp('prepared') / 'spine'
    prepare_dataset(repo_root / 'tests/data/ct_spine', dest,
                    plan=SplitPlan('slices'))
    return dest


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
def write_case():
    """Write an image and a label volume into a source folder."""

    def write(source, name, image=None, label=None):
        if image is None:
            image = volume(np.arange(2000).reshape(20, 10, 10) % 90)
        if label is None:
            label = volume(np.ones((20, 10, 10), np.uint8))
        for folder, content in (('images', image), ('labels', label)):
            (source / folder).mkdir(parents=True, exist_ok=True)
            sitk.WriteImage(content, str(source / folder / name))
        return source / 'images' / name, source / 'labels' / name

    return write
