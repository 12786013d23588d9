"""Segmentations of 3D Slicer: their names, layers and extents."""

import numpy as np
import pytest
import SimpleITK as sitk
from slicer_files import segmentation
from synthetic import KEEP_ALL, volume

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import geometry_of
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.preparation import (
    CaseOptions,
    LabelFile,
    LabelTable,
    SourceCase,
    SplitPlan,
    prepare_dataset,
    read_case,
)

RNG = np.random.default_rng(0)
SCAN = RNG.integers(0, 99, (4, 5, 6)).astype(np.int16)
ALL = SplitPlan(fractions=(0, 0, 1))


@pytest.mark.parametrize('name', ['c.seg.nrrd', 'c.nrrd', 'c.SEG.NRRD',
                                  'c.seg.nhdr', 'c.nhdr'])
def test_segments_have_names(tmp_path, name):
    """They pair with their image, however the file is called."""
    ids = RNG.integers(0, 3, SCAN.shape)
    for folder in ('images', 'labels'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
    sitk.WriteImage(volume(SCAN), str(tmp_path / 'in/images/c.nrrd'))
    sitk.WriteImage(segmentation([ids], [(0, 1), (0, 2)],
                                 ['liver', 'a spleen']),
                    str(tmp_path / 'in/labels' / name))
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems
    assert sorted(prepared.data.labels.values()) == ['a spleen', 'liver']
    label = prepared.data.cases[0].label()[0]
    for value, name in ((1, 'liver'), (2, 'a spleen')):
        found = next(i for i, own in prepared.data.labels.items()
                     if own == name)
        np.testing.assert_array_equal(label == found, ids == value)


@pytest.mark.parametrize('name', ['c_manual.seg.nrrd',
                                  'c/Segmentation.seg.nrrd'])
def test_a_file_of_segments_keeps_their_names(tmp_path, name):
    """One segment alone is called as its file is, if that is a name."""
    ids = RNG.integers(0, 3, SCAN.shape)
    for path in ('images/c.nrrd', f'labels/{name}'):
        (tmp_path / 'in' / path).parent.mkdir(parents=True)
    sitk.WriteImage(volume(SCAN), str(tmp_path / 'in/images/c.nrrd'))
    for names in (['liver', 'tumour'], ['liver']):
        sitk.WriteImage(segmentation(
            [np.where(ids <= len(names), ids, 0)],
            [(0, 1), (0, 2)][:len(names)], names),
            str(tmp_path / 'in/labels' / name))
        prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                                   options=KEEP_ALL, plan=ALL, overwrite=True)
        # The name 'Segmentation' says nothing.
        assert sorted(prepared.data.labels.values()) == (
            names if len(names) > 1 or '/' in name else ['manual'])


def test_segments_that_overlap_and_cover_a_part(tmp_path):
    masks = RNG.integers(0, 2, (2, 2, 3, 3))
    image = segmentation(masks, [(0, 1), (1, 1)], ['a', 'b'], (1, 2, 1))
    path = tmp_path / 'x.seg.nrrd'
    sitk.WriteImage(image, str(path))
    assert LabelReaders().find(path).names(path) == ['a', 'b']
    options = CaseOptions(table=LabelTable.of_names({}, ['a', 'b']),
                          min_volume=0, min_area=0)
    scan = tmp_path / 'image.nii.gz'
    sitk.WriteImage(volume(SCAN), str(scan))
    layers = read_case(SourceCase('a', scan, (LabelFile(path), )),
                       options).layers
    for i, mask in enumerate(masks, start=1):
        wanted = np.zeros(SCAN.shape, bool)
        wanted[1:3, 2:5, 1:4] = mask
        np.testing.assert_array_equal(
            np.any([layer == i for layer in layers], axis=0), wanted)


@pytest.mark.parametrize('name', ['c.seg.nrrd', 'c.seg.nhdr'])
def test_damaged_segments_are_refused(tmp_path, name):
    """ITK does not look at the checksum of compressed voxels."""
    image = segmentation([RNG.integers(0, 3, (8, 16, 16))], [(0, 1), (0, 2)],
                         ['liver', 'spleen'])
    sitk.WriteImage(image, str(tmp_path / name), True)
    voxels = next((path for path in tmp_path.iterdir() if path.name != name),
                  tmp_path / name)
    whole = voxels.read_bytes()
    reader, unharmed = LabelReaders().find(tmp_path / name), 0
    for place in range(len(whole) - 150, len(whole) - 8):
        voxels.write_bytes(whole[:place] + bytes([whole[place] ^ 4])
                           + whole[place + 1:])
        try:
            found, = reader.read(tmp_path / name, geometry_of(image))
        except InputError as error:
            assert f'{name}: expected' in str(error)
        else:
            # Nothing may depend on some bits.
            np.testing.assert_array_equal(
                sitk.GetArrayFromImage(found.values),
                sitk.GetArrayFromImage(image))
            unharmed += 1
    assert unharmed <= 2
