"""demo/: the script, and the commands of its page."""

import re
import shlex
import shutil

import numpy as np
import pytest
import SimpleITK as sitk

SPLEEN = 1


@pytest.fixture
def demo(load_tool):
    return load_tool('../demo/segment_an_organ.py')


def test_two_slices_of_the_spleen(demo, repo_root, lite_medsam, tmp_path,
                                  monkeypatch, capsys):
    """The CT is fetched where it is missing; here it is two of its slices."""
    slab = repo_root / 'tests/data/chest_slab'
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints/lite_medsam.pth').symlink_to(lite_medsam)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(demo, 'fetch_sample', lambda name, dest:
                        shutil.copytree(slab, dest))
    monkeypatch.setattr(demo, 'BOX', [307, 173, 0, 435, 268, 1])
    monkeypatch.setattr('sys.argv', ['segment_an_organ.py'])
    demo.main()
    label_volume, picture = re.findall(r': (work_dirs/\S+)',
                                       capsys.readouterr().out)
    found = sitk.GetArrayFromImage(sitk.ReadImage(label_volume)) > 0
    truth = sitk.GetArrayFromImage(
        sitk.ReadImage(str(slab / 'labels/chest.nii.gz'))) == SPLEEN
    assert 2 * np.sum(found & truth) / (found.sum() + truth.sum()) > 0.9
    assert (tmp_path / picture).stat().st_size > 10_000


def test_the_command_has_the_same_box(demo, repo_root, command, monkeypatch):
    text = (repo_root / 'demo/README.md').read_text()
    line, = re.findall('^mmdbsam (.*)$', text, re.MULTILINE)
    given = []
    monkeypatch.setattr('mmdbsam.cli.infer.run', given.append)
    command(*shlex.split(line))
    args, = given
    assert [list(map(int, box)) for box in args.box] == [demo.BOX]
    assert args.image == demo.SOURCE / 'images/chest.nii.gz'
    assert args.out.parent == demo.OUT
