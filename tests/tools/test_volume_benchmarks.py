"""The scripts behind the figures of docs/inference.md."""

import re
from functools import partial

import numpy as np
import pytest
import SimpleITK as sitk
import torch

from mmdbsam.apis import PropagationRule
from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

TINY = 'tests/data/dbsam_tiny_spine.py'


@pytest.fixture
def source(tmp_path):
    """Image and labels: two bars along z and a short one."""
    labels = np.zeros((9, 40, 40), np.uint8)
    labels[:, 4:14, 4:14] = 1
    labels[1:8, 20:30, 20:34] = 2
    labels[2:4, 32:36, 4:9] = 3
    for name, values in (('images', 1000 * (labels > 0) - 500),
                         ('labels', labels)):
        (tmp_path / name).mkdir()
        sitk.WriteImage(sitk.GetImageFromArray(values.astype(np.int16)),
                        str(tmp_path / name / 'case.nii.gz'))
    (tmp_path / 'labels.csv').write_text('id,name\n1,long\n2,wide\n3,short\n')
    return [str(tmp_path / name / 'case.nii.gz')
            for name in ('images', 'labels')]


@pytest.fixture
def arguments(source, tiny_cfg, tmp_path, repo_root):
    """The config, random weights, and the source."""
    torch.manual_seed(0)
    torch.save(MODELS.build(tiny_cfg.model).state_dict(), tmp_path / 'x.pth')
    return [str(repo_root / TINY), str(tmp_path / 'x.pth'), *source]


def test_structures_against_one(load_tool, arguments, monkeypatch, capsys):
    tool = load_tool('analysis_tools/benchmark_volume.py')
    options = ['--slices', '3', '--structures', '3', '--repeats', '1']
    monkeypatch.setattr('sys.argv', ['x', *arguments, *options])
    tool.main()
    one, three = re.findall(r'^\| (\d+) \| [\d.]+ \| ([\d.]+) \|$',
                            capsys.readouterr().out, re.MULTILINE)
    assert one == ('1', '1.00') and three[0] == '3'
    monkeypatch.setattr('sys.argv', ['x', *arguments, *options,
                                     '--structures', '4'])
    with pytest.raises(InputError, match='expected 4 labels in 3 slices, '
                       'found 3'):
        tool.main()


def test_the_structures_that_are_timed(load_tool, source):
    tool = load_tool('analysis_tools/benchmark_volume.py')
    labels = sitk.GetArrayFromImage(sitk.ReadImage(source[1]))
    assert tool.busiest(labels, 2) == slice(2, 4)
    assert [list(box.box) for box in tool.boxes_of(labels)] == [
        [4, 4, 0, 13, 13, 8], [20, 20, 1, 33, 29, 7], [4, 32, 2, 8, 35, 3]]


def test_one_box_against_all(load_tool, arguments, monkeypatch, capsys):
    """The model fills its boxes, and they are followed without a margin."""
    tool = load_tool('analysis_tools/compare_propagation.py')

    def fill(self, image, prompts, multimask_output=False):
        rows, columns = np.indices(image.shape)
        x0, y0, x1, y1 = prompts.boxes.T[:, :, None, None]
        inside = ((columns >= x0) & (columns <= x1)
                  & (rows >= y0) & (rows <= y1))
        return (torch.from_numpy(np.where(inside, 9., -9.)[:, None]),
                torch.ones(len(inside), 1))

    monkeypatch.setattr('mmdbsam.apis.volume.propagation._LEAST_MARGIN', 0.)
    monkeypatch.setattr('mmdbsam.apis.inferencer.PropagationRule', partial(
        PropagationRule, margin=0., max_grey_change=255.))
    monkeypatch.setattr('mmdbsam.apis.image_model.ImageModel.decode', fill)
    monkeypatch.setattr('sys.argv', ['x', *arguments, '--structures', 'wide',
                                     'short'])
    tool.main()
    # It never ends: 7 and 2 slices become all 9.
    assert ('| wide | 7 | 100.0 | 87.5 | 0.88 |\n'
            '| short | 2 | 100.0 | 36.4 | 0.36 |\n'
            ) in capsys.readouterr().out
    monkeypatch.setattr('sys.argv', ['x', *arguments, '--structures', 'wing'])
    with pytest.raises(InputError, match='--structures: expected names of .*'
                       'found wing'):
        tool.main()
