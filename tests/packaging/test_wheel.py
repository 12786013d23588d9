"""What the wheel holds, and its command where nothing else is."""

import zipfile

import numpy as np
import SimpleITK as sitk

from mmdbsam.apis import PromptInferencer, VolumeBox
from mmdbsam.version import __version__

SCAN = 'tests/data/chest_slab/images/chest.nii.gz'
BOX = [100, 200, 0, 300, 400, 1]


def files(folder):
    """The paths of all files below a folder, relative to its parent."""
    return {path.relative_to(folder.parent).as_posix()
            for path in folder.rglob('*')
            if path.is_file() and '__pycache__' not in path.parts}


def test_it_holds_everything_but_the_tests(wheel, repo_root):
    with zipfile.ZipFile(wheel) as archive:
        found = {name for name in archive.namelist()
                 if '.dist-info/' not in name}
    read_by_mim = {'model-index.yml', *files(repo_root / 'configs'),
                   *files(repo_root / 'tools')}
    assert found == {
        *files(repo_root / 'mmdbsam'),
        *(f'{folder}/.mim/{name}' for name in read_by_mim
          for folder in ('mmdbsam', '+mmdbsam'))}


def test_it_knows_the_model_zoo(installation, tmp_path):
    code = ('from mmdbsam.engine.config import find_config, read_config; '
            'path = find_config("dbsam_tinyvit_ct"); print(path); '
            'assert read_config(path).modality == "CT"')
    done = installation.run('python', '-c', code, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    config = installation.site_packages / 'mmdbsam/.mim/configs'
    assert done.stdout == f'{config}/dbsam_tinyvit_ct.py\n'


def test_its_command(installation, tmp_path):
    done = installation.run('mmdbsam', '--version', cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, f'{__version__}\n')


def test_inference_on_real_slices(installation, repo_root, tiny_cfg,
                                  tiny_checkpoint, tmp_path, monkeypatch):
    """A label volume on the scan's grid, with the masks of this checkout."""
    tiny_cfg.dump(tmp_path / 'tiny.py')
    done = installation.run(
        'mmdbsam', 'infer', repo_root / SCAN, '-o', 'labels.nrrd', '--box',
        *BOX, '--config', 'tiny.py', '--checkpoint', tiny_checkpoint,
        '--device', 'cpu', cwd=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    monkeypatch.setenv('MMDBSAM_MSDA_BACKEND', 'torch')
    wanted = PromptInferencer(tiny_cfg, tiny_checkpoint, 'cpu').segment_volume(
        repo_root / SCAN, VolumeBox(BOX))
    found = sitk.ReadImage(str(tmp_path / 'labels.nrrd'))
    scan = sitk.ReadImage(str(repo_root / SCAN))
    assert found.GetSize() == scan.GetSize()
    assert found.GetSpacing() == scan.GetSpacing()
    assert wanted.labels.any()
    np.testing.assert_array_equal(sitk.GetArrayFromImage(found),
                                  wanted.labels)
