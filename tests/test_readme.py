"""The Python of README.md gives what it shows."""

import re

import numpy as np
import SimpleITK as sitk
from PIL import Image


def test_the_first_lines_segment_three_organs(repo_root, lite_medsam,
                                              tmp_path, monkeypatch):
    """On the CT of tests/data, with the pretrained weights."""
    code, = re.findall(r'```python\n(.*?)```',
                       (repo_root / 'README.md').read_text(), re.DOTALL)
    assert len(code.splitlines()) == 6
    (tmp_path / 'checkpoints').mkdir()
    (tmp_path / 'checkpoints' / lite_medsam.name).symlink_to(lite_medsam)
    (tmp_path / 'tests').symlink_to(repo_root / 'tests')
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code, names)
    found = names['found']
    labels = sitk.GetArrayFromImage(sitk.ReadImage(
        'tests/data/chest_slab/labels/chest.nii.gz'))
    for i, label_id in enumerate((5, 1, 6)):
        reference, mask = labels == label_id, found.mask(i)
        overlap = 2 * (mask & reference).sum() / (mask.sum()
                                                  + reference.sum())
        assert overlap > 0.88
    written = sitk.ReadImage('work_dirs/first/chest.nii.gz')
    assert np.array_equal(sitk.GetArrayFromImage(written), found.labels)
    with Image.open(repo_root / 'docs/images/first_masks.png') as shown:
        with Image.open('work_dirs/first/vis/chest.png') as made:
            assert made.size == shown.size
            difference = np.abs(np.asarray(made.convert('RGB'), float)
                                - np.asarray(shown.convert('RGB'), float))
    # Other CPUs round otherwise, so that a contour may move by a pixel.
    assert (difference.max(axis=-1) > 60).mean() < 0.01
