"""Requests for a volume that cannot be met end in one line."""

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import EachSlice, as_image, box_of, letter

from mmdbsam.apis import (
    CoarseLabels,
    SeedBox,
    SeedPoint,
    SliceBoxes,
    VolumeBox,
)
from mmdbsam.errors import InputError

OBJECT = letter()
IMAGE = as_image(OBJECT)
BOX = EachSlice(box_of(OBJECT))
LABELS = OBJECT.astype(np.uint8)


@pytest.mark.parametrize('prompts, message', [
    ([], 'prompts: expected at least one, found none'),
    ({}, 'prompts: expected at least one, found none'),
    ([(1, 2, 3)], "prompt 'object 1': expected one of VolumeBox"),
    (dict(liver=VolumeBox([1, 2, 3, 4])), r"'liver': box: .*\(6\), found \(4"),
    (VolumeBox([9, 0, 0, 3, 5, 5]), 'box: expected x0 <= x1, found 9 and 3'),
    (VolumeBox([0, 0, 9, 3, 5, 5]), 'box: expected z0 <= z1, found 9 and 5'),
    (VolumeBox([0, 0, 0, 3, 24, 5]), 'box: expected y within.*0 to 23.*24'),
    (VolumeBox([0, 0, 0, 3, 5, 99]), 'box: expected z within.*0 to 19.*99'),
    (VolumeBox([0, 0, 0, 3, np.nan, 5]), 'box: expected finite numbers'),
    (SliceBoxes({}), 'boxes: expected at least one slice'),
    (SliceBoxes({3: [0, 0, 5]}), r'box of slice 3: .*\(4\), found \(3\)'),
    (SliceBoxes({40: [0, 0, 5, 5]}), 'slice 40: expected z within'),
    (SliceBoxes({1.5: [0, 0, 5, 5]}), 'slice: expected a whole number'),
    (SeedBox(4, [9, 0, 3, 5]), 'box: expected x0 <= x1'),
    (SeedBox('four', [0, 0, 3, 5]), 'slice: expected numbers'),
    (SeedPoint(4, [33, 5]), 'points: expected x within'),
    (SeedPoint(4, [3, 5], [0]), 'labels: expected .* at least one 1'),
    (CoarseLabels(0 * LABELS), 'labels: expected at least one label'),
    (CoarseLabels(LABELS[1:]), 'labels: expected the size of the volume'),
    (CoarseLabels(LABELS * 0.5), 'labels: expected whole numbers'),
    (CoarseLabels(-LABELS.astype(int)), 'expected ids in 0..65535, found -1'),
    (CoarseLabels(as_image(OBJECT, oblique=False)), 'expected the direction'),
    (CoarseLabels('labels.nii.gz'), 'labels.nii.gz: no such file'),
])
def test_bad_prompts(bright, prompts, message):
    with pytest.raises(InputError, match=message) as error:
        bright.segment_volume(IMAGE, prompts)
    assert '\n' not in str(error.value)
    assert not bright.fake.encoded


@pytest.mark.parametrize('volume, options, message', [
    (IMAGE, dict(axes='oblique'), "axes: expected axial, .*'oblique'"),
    (IMAGE, dict(units='voxels'), "units: expected px or mm, found 'voxels'"),
    (IMAGE, dict(batch_size=0), 'batch_size: expected a number >= 1'),
    (IMAGE, dict(isotropic=0.), 'isotropic: expected a length > 0, found 0'),
    (LABELS, dict(isotropic=1.), 'isotropic: expected an image that knows'),
    (LABELS, dict(units='mm'), 'expected px.*no place in space, found mm'),
    (np.zeros((2, 20, 24, 32)), {}, '4-D with 2 volumes; choose one of'),
    (sitk.JoinSeries([IMAGE, IMAGE, IMAGE]), {},
     'SimpleITK.*4-D with 3 volumes.*channels 0 to 2'),
    (np.zeros((20, 24, 32, 3), np.uint8) + np.arange(3, dtype=np.uint8), {},
     'model of CT images .*found RGB'),
])
def test_bad_volumes(bright, volume, options, message):
    with pytest.raises(InputError, match=message) as error:
        bright.segment_volume(volume, BOX, **options)
    assert '\n' not in str(error.value)
    assert not bright.fake.encoded


def test_mm_on_slices_of_an_oblique_volume(bright):
    x0, y0, z = IMAGE.TransformIndexToPhysicalPoint((6, 4, 4))
    x1, y1, _ = IMAGE.TransformIndexToPhysicalPoint((28, 19, 4))
    box = [min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)]
    with pytest.raises(InputError, match='within one slice, .* oblique'):
        bright.segment_volume(IMAGE, SeedBox(z, box), units='mm')


@pytest.mark.parametrize('suffix', ['.nii.gz', '.nrrd', '.mha'])
def test_a_volume_of_a_4d_file(bright, tmp_path, suffix):
    path = tmp_path / f'series{suffix}'
    empty = as_image(0 * OBJECT)
    sitk.WriteImage(sitk.JoinSeries([empty, IMAGE]), str(path))
    with pytest.raises(InputError, match=f'{suffix}: .*4-D with 2 volumes; '
                       'choose one of channels 0 to 1'):
        bright.segment_volume(path, BOX)
    with pytest.raises(InputError, match='and channel=5; choose'):
        bright.segment_volume(path, BOX, channel=5)
    for image in (path, sitk.JoinSeries([empty, IMAGE])):
        result = bright.segment_volume(image, BOX, channel=1)
        assert np.array_equal(result.labels > 0, OBJECT)
        assert not bright.segment_volume(image, BOX, channel=0).labels.any()
