"""Files that the system does not let grow, as on a full disk."""

import resource
import signal
from contextlib import contextmanager

import numpy as np
import pytest
import SimpleITK as sitk

from mmdbsam.errors import WriteError
from mmdbsam.geometry.grids import geometry_of
from mmdbsam.io.writers import Writers, write_probabilities
from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.results import VolumeResult
from mmdbsam.visualization import PromptVisualizer


@contextmanager
def limited(size):
    """Let no file of this process have more bytes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Otherwise this ends the process.
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)


@pytest.fixture
def result():
    """An object that does not compress well."""
    rng = np.random.default_rng(0)
    geometry = geometry_of(sitk.Image(40, 50, 9, sitk.sitkInt16))
    mask = rng.random((9, 50, 40)) < 0.5
    return VolumeResult(
        [PackedMask.pack(mask)], [1], ['liver'], np.array([0.9]), geometry,
        probabilities=rng.random((2, 9, 50, 40), np.float32))


@pytest.mark.parametrize('size', [100, 1500])
@pytest.mark.parametrize('name', ['a.nii', 'a.nii.gz', 'a.mha', 'a.nrrd',
                                  'a.seg.nrrd'])
@pytest.mark.parametrize('of', ['nii.gz', 'other'])
def test_a_label_volume(tmp_path, result, name, size, of):
    image, path = tmp_path / f'image.{of}', tmp_path / 'to' / name
    path.parent.mkdir()
    if of == 'nii.gz':
        sitk.WriteImage(sitk.Image(40, 50, 9, sitk.sitkInt16), str(image))
    with limited(size), pytest.raises(WriteError, match=f'{name}: '):
        Writers().find(path).write(result, image, path)
    assert list(path.parent.iterdir()) == []


def test_probabilities(tmp_path, result):
    path = tmp_path / 'p.nii.gz'
    with limited(2000), pytest.raises(WriteError, match='p.nii.gz: '):
        write_probabilities(result, path)
    assert list(tmp_path.iterdir()) == []
    write_probabilities(result, path)


def test_a_picture_of_prompts(tmp_path, monkeypatch):
    from mmdbsam.visualization import prompt_visualizer
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)
    monkeypatch.setattr(prompt_visualizer, '_draw', lambda *args: noise)
    with limited(900), pytest.raises(WriteError, match='too large'):
        PromptVisualizer().add_datasample('some', noise, None,
                                          out_file=tmp_path / 'a.png')
    assert list(tmp_path.iterdir()) == []
