"""Masks and label volumes as reports say that tools write them."""

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from mask_files import disc, ids_of
from PIL import Image
from slicer_files import segmentation
from synthetic import KEEP_ALL, volume

from mmdbsam.errors import InputError
from mmdbsam.preparation import (
    CaseOptions,
    LabelFile,
    LabelTable,
    SourceCase,
    SplitPlan,
    prepare_dataset,
    read_case,
)

CASES = Path(__file__).parents[3] / 'shared/cases'
needs_cases = pytest.mark.skipif(not CASES.exists(),
                                 reason='no ../shared/cases')
RNG = np.random.default_rng(0)
SCAN = RNG.integers(0, 99, (4, 5, 6)).astype(np.int16)
ALL = SplitPlan(fractions=(0, 0, 1))


@pytest.mark.parametrize('white, kind', [
    (255, np.uint8), (65535, np.uint16), (255, np.uint16), (1, np.uint8),
    (32767, np.uint16), (2**31 - 1, np.int32), (65535, np.float32),
    (1, np.float32)])
def test_white_of_any_depth_is_one_label(tmp_path, white, kind):
    name = 'm.png' if kind in (np.uint8, np.uint16) else 'm.tif'
    found = ids_of(tmp_path, (disc() * kind(white)).astype(kind), name)
    np.testing.assert_array_equal(found, disc())


@pytest.mark.parametrize('name', ['m.png', 'm.jpg', 'm.npy'])
@pytest.mark.parametrize('named', [{}, {255: 'polyp'}])
def test_white_may_have_a_name(tmp_path, name, named):
    image, mask = tmp_path / 'image.png', tmp_path / name
    shown = disc() * np.uint8(255)
    Image.fromarray(RNG.integers(0, 99, shown.shape, np.uint8)).save(image)
    if name == 'm.npy':
        np.save(mask, shown)
    else:
        Image.fromarray(shown).save(mask, quality=100)
    options = CaseOptions(table=LabelTable.of_names(named, []), min_volume=0,
                          min_area=0)
    layer, = read_case(SourceCase('a', image, (LabelFile(mask), )),
                       options).layers
    np.testing.assert_array_equal(layer[0], disc() * max(named, default=1))


@pytest.mark.parametrize('smooth', [
    lambda mask: cv2.GaussianBlur(mask, (0, 0), 0.7),
    lambda mask: cv2.resize(cv2.resize(mask, None, fx=3, fy=3,
                                       interpolation=cv2.INTER_LINEAR),
                            mask.shape, interpolation=cv2.INTER_AREA),
    lambda mask: cv2.warpAffine(mask, np.float32([[1, .1, .3], [0, 1, .4]]),
                                mask.shape)])
@pytest.mark.parametrize('kind, white', [(np.uint8, 255),
                                         (np.uint16, 65535)])
def test_smooth_edges_are_no_labels(tmp_path, smooth, kind, white):
    values = smooth(disc() * np.float32(white)).round().astype(kind)
    assert len(np.unique(values)) > 3
    found = ids_of(tmp_path, values)
    np.testing.assert_array_equal(found, values >= white / 2)


@pytest.mark.parametrize('change', [
    *(lambda image, quality=quality: as_jpeg(image, quality)
      for quality in (95, 75, 50)),
    *(lambda image, side=side: image.resize((side, side), Image.LANCZOS)
      for side in (53, 120)),
    *(lambda image, sigma=sigma: Image.fromarray(
        cv2.GaussianBlur(np.array(image), (0, 0), sigma))
      for sigma in (1, 2.5, 4))])
def test_masks_that_were_something_else_before(tmp_path, change):
    values = np.array(change(Image.fromarray(disc() * np.uint8(255))))
    assert len(np.unique(values)) > 4
    np.testing.assert_array_equal(ids_of(tmp_path, values), values >= 127.5)


def as_jpeg(image, quality):
    stream = io.BytesIO()
    image.save(stream, 'JPEG', quality=quality)
    return Image.open(stream)


def test_labels_beside_white_stay_labels(tmp_path):
    """An area, and a line that touches nothing white."""
    values = np.zeros((80, 80), np.uint8)
    values[10:40, 10:40] = 255
    values[10:40, 40:60] = 128
    np.testing.assert_array_equal(ids_of(tmp_path, values), values)
    values[values == 128] = 0
    values[70, 5:60] = 7
    np.testing.assert_array_equal(ids_of(tmp_path, values), values)


@needs_cases
@pytest.mark.parametrize('name', ['mask16', 'mix', 'aa'])
def test_reported_pictures(tmp_path, name):
    prepared = prepare_dataset(CASES / '14_masks' / name, tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems
    assert prepared.data.labels == {1: 'label_1'}


def labels_of(tmp_path, label, name='label.nii.gz', options=KEEP_ALL):
    paths = tmp_path / 'image.nii.gz', tmp_path / name
    sitk.WriteImage(volume(SCAN), str(paths[0]))
    sitk.WriteImage(label, str(paths[1]))
    return read_case(SourceCase('a', paths[0], (LabelFile(paths[1]), )),
                     options).layers


@pytest.mark.parametrize('error', [1e-7, -1e-7, 9e-4, -9e-4])
@pytest.mark.parametrize('kind', [np.float32, np.float64])
def test_nearly_whole_numbers(tmp_path, error, kind):
    ids = RNG.integers(0, 4, SCAN.shape)
    layer, = labels_of(tmp_path, volume((ids + error).astype(kind)))
    np.testing.assert_array_equal(layer, ids)


def test_other_numbers_are_no_labels(tmp_path):
    with pytest.raises(InputError, match='whole numbers .*, found 1.01$'):
        labels_of(tmp_path, volume(np.full(SCAN.shape, 1.01)))


@pytest.mark.parametrize('name', ['label.nii.gz', 'label.nrrd', 'label.mha'])
@pytest.mark.parametrize('kind', [np.uint8, np.float32])
@pytest.mark.parametrize('white', [1, 255, 32767])
def test_one_hot_labels(tmp_path, name, kind, white):
    """The first channel of one-hot labels is background."""
    ids = RNG.integers(0, 3, SCAN.shape)
    kind = np.uint16 if white > 255 and kind == np.uint8 else kind
    channels = [volume(((ids == i) * white).astype(kind)) for i in range(3)]
    layer, = labels_of(tmp_path, sitk.JoinSeries(channels), name)
    np.testing.assert_array_equal(layer, ids)


def test_several_values_a_voxel(tmp_path):
    """NIfTI has them in the fifth dimension, where the fourth has one."""
    ids = RNG.integers(0, 3, SCAN.shape)
    layer, = labels_of(tmp_path, sitk.Compose([
        volume((ids == i).astype(np.uint8)) for i in range(3)]))
    np.testing.assert_array_equal(layer, ids)


def test_nearly_one_hot(tmp_path):
    """Whether the first mask is background must not depend on one voxel."""
    ids = np.zeros(SCAN.shape, int)
    ids[1, 1:3, 2:5], ids[2, 2, 2] = 1, 2
    masks = [(ids == i).astype(np.uint8) for i in range(3)]
    for value, place in ((0, (0, 0, 0)), (1, (1, 1, 2))):
        changed = [mask.copy() for mask in masks]
        changed[0][place] = value
        with pytest.raises(InputError, match=r'label\.nii\.gz: expected each '
                           'voxel in one mask, .* found 1 of 120 voxels in '):
            labels_of(tmp_path, sitk.JoinSeries(list(map(volume, changed))))
    # Without the mask of background, most voxels are in none.
    layer, = labels_of(tmp_path, sitk.JoinSeries(list(map(
        volume, masks[1:]))))
    np.testing.assert_array_equal(layer, ids)


@pytest.mark.parametrize('white', [1, 255, 0.9995])
@pytest.mark.parametrize('last', [False, True])
@pytest.mark.parametrize('background', [False, True])
def test_channels_of_an_image(tmp_path, white, last, background):
    ids = np.zeros((20, 24), int)
    ids[2:8, 3:9], ids[10:15, 4:20] = 1, 2
    channels = np.array([ids == i for i in range(1 - background, 3)]) * white
    np.save(tmp_path / 'm.npy', np.moveaxis(channels, 0, -1) if last
            else channels)
    Image.fromarray(RNG.integers(0, 99, ids.shape, np.uint8)).save(
        tmp_path / 'image.png')
    layer, = read_case(SourceCase('a', tmp_path / 'image.png', (
        LabelFile(tmp_path / 'm.npy'), )), KEEP_ALL).layers
    np.testing.assert_array_equal(layer[0], ids)


def test_one_channel_of_an_image(tmp_path):
    ids = RNG.integers(0, 4, (20, 24))
    Image.fromarray(RNG.integers(0, 99, ids.shape, np.uint8)).save(
        tmp_path / 'image.png')
    for name, values in (('first', ids[None]), ('last', ids[..., None])):
        np.save(tmp_path / f'{name}.npy', values)
        layer, = read_case(SourceCase('a', tmp_path / 'image.png', (
            LabelFile(tmp_path / f'{name}.npy'), )), KEEP_ALL).layers
        np.testing.assert_array_equal(layer[0], ids)


def test_a_channel_for_each_label(tmp_path):
    """Without background, and with labels that overlap."""
    masks = RNG.integers(0, 2, (2, *SCAN.shape)).astype(np.uint8)
    masks[:, 0] = 0
    layers = labels_of(tmp_path, sitk.JoinSeries([
        volume(mask) for mask in masks]))
    for i, mask in enumerate(masks, start=1):
        np.testing.assert_array_equal(
            np.any([layer == i for layer in layers], axis=0), mask)


def test_several_volumes_that_are_no_channels(tmp_path):
    both = sitk.JoinSeries([volume(SCAN % 5), volume(SCAN % 3)])
    with pytest.raises(InputError, match='label.nii.gz: expected one volume '
                       'of labels, or 0 and 1 in a volume for each, found 2 '
                       'volumes and values up to 4; give a file of one'):
        labels_of(tmp_path, both)


@pytest.mark.parametrize('name', ['nrrd', 'mha'])
def test_one_volume_of_four_dimensions(tmp_path, name):
    image = sitk.JoinSeries([volume(SCAN)])
    label = sitk.JoinSeries([volume((SCAN > 50).astype(np.uint8))])
    for folder, content in (('images', image), ('labels', label)):
        (tmp_path / 'in' / folder).mkdir(parents=True)
        sitk.WriteImage(content, str(tmp_path / 'in' / folder / f'c.{name}'))
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                           options=KEEP_ALL, plan=ALL).data
    np.testing.assert_array_equal(data.cases[0].label()[0], SCAN > 50)


@needs_cases
@pytest.mark.parametrize('name', [
    '14_masks/float_label', '14_masks/one_hot', '12_4d_of_one_volume/nrrd',
    '12_4d_of_one_volume/mha_label'])
def test_reported_volumes(tmp_path, name):
    prepared = prepare_dataset(CASES / name, tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems
    assert prepared.data.labels == {1: 'label_1'}


@pytest.mark.parametrize('names', [
    ['a_mask.png', 'a_mask_1.png'], ['a_mask.png', 'a_mask_2.png'],
    ['a_mask_0.png', 'a_mask_1.png'], ['a-mask.png', 'a-mask1.png'],
    ['a_Segmentation.png', 'a_Segmentation_1.png'], ['a mask.png'],
    ['a_mask.png', 'a_mask (1).png'], ['a_mask (1).png', 'a_mask(2).png'],
    ['a_lbl.png', 'a_lbl_1.png'], ['a_1_mask.png', 'a_2_mask.png'],
    ['a_mask_1_1.png', 'a_mask_1_2.png'],
    ['a/mask_1.png', 'a/mask_2.png'],
    ['a_ground_truth.png', 'a_ground_truth_1.png']])
def test_several_masks_of_one_image(tmp_path, names):
    """They name no structure, so that they are one label."""
    for folder in ('images', 'masks'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
    for case in 'ab':
        Image.fromarray(RNG.integers(0, 99, (20, 24), np.uint8)).save(
            tmp_path / f'in/images/{case}.png')
    whole = np.zeros((20, 24), bool)
    for i, name in enumerate(names):
        mask = np.zeros_like(whole)
        mask[4 * i:4 * i + 3, 5:15] = True
        whole |= mask
        for case in 'ab':
            (tmp_path / 'in/masks' / name.replace('a', case, 1)
             ).parent.mkdir(exist_ok=True)
        Image.fromarray(mask * np.uint8(255)).save(
            tmp_path / 'in/masks' / name)
    Image.fromarray(whole * np.uint8(255)).save(
        tmp_path / 'in/masks' / names[0].replace('a', 'b', 1))
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems
    assert prepared.data.labels == {1: 'label_1'}
    for case in prepared.data.cases:
        np.testing.assert_array_equal(case.label()[0, 0], whole)


def test_numbered_labels_in_a_folder_are_structures(tmp_path):
    for folder in ('images', 'labels/c'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
    sitk.WriteImage(volume(SCAN), str(tmp_path / 'in/images/c.nii.gz'))
    for i in (1, 2):
        sitk.WriteImage(volume((SCAN % 3 == i).astype(np.uint8)),
                        str(tmp_path / f'in/labels/c/label_{i}.nii.gz'))
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert sorted(prepared.data.labels.values()) == ['label_1', 'label_2']


@needs_cases
def test_reported_masks_of_one_image(tmp_path):
    """The image that shows nothing is the only one that is left out."""
    prepared = prepare_dataset(CASES / '06_two_masks_of_one_image',
                               tmp_path / 'out', options=KEEP_ALL, plan=ALL)
    assert list(prepared.problems) == ['normal (1)']
    assert prepared.data.labels == {1: 'label_1'}


def test_files_of_mmdbsam_infer_are_labels(tmp_path):
    """Its pictures, tables and records beside them are none."""
    ids = (SCAN > 50).astype(np.uint8)
    for folder in ('images', 'labels'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
    sitk.WriteImage(volume(SCAN), str(tmp_path / 'in/images/c.nrrd'))
    sitk.WriteImage(segmentation([ids], [(0, 1)], ['liver']),
                    str(tmp_path / 'in/labels/c.seg.nrrd'))
    Image.new('L', (9, 9)).save(tmp_path / 'in/labels/c.overlay.png')
    for name in ('c.volumes.csv', 'c.labels.json', 'volumes.csv'):
        (tmp_path / 'in/labels' / name).write_text('text')
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems and prepared.data.labels == {1: 'liver'}


def test_files_of_separate_objects_are_labels(tmp_path):
    """``mmdbsam infer --separate`` names the image, the id and the object."""
    for folder in ('images', 'labels'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
    sitk.WriteImage(volume(SCAN), str(tmp_path / 'in/images/c_1.nii.gz'))
    masks = {'liver': SCAN > 50, 'object_2': SCAN < 10}
    for i, (name, mask) in enumerate(masks.items(), start=1):
        sitk.WriteImage(volume((mask * i).astype(np.uint8)), str(
            tmp_path / f'in/labels/c_1.{i}_{name}.nii.gz'))
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert not prepared.problems
    assert prepared.data.labels == {1: 'liver', 2: 'object_2'}
    label = prepared.data.case('c_1').label()
    for i, mask in enumerate(masks.values(), start=1):
        np.testing.assert_array_equal((label == i).any(axis=0), mask)


def test_an_image_may_be_called_like_a_separate_object(tmp_path):
    for folder in ('images', 'labels'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
    for name in ('c', 'c.1_liver'):
        sitk.WriteImage(volume(SCAN), str(tmp_path / f'in/images/{name}.nii'))
    sitk.WriteImage(volume((SCAN > 50).astype(np.uint8)),
                    str(tmp_path / 'in/labels/c.1_liver.nii'))
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL)
    assert prepared.problems.keys() == {'c'}
    assert [case.name for case in prepared.data.cases] == ['c.1_liver']
