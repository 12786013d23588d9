"""Masks of whole volumes come back where the objects are."""

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import (
    BRIGHT,
    EachSlice,
    as_image,
    box_of,
    letter,
    stored_otherwise,
)

from mmdbsam.apis import CoarseLabels, SliceBoxes
from mmdbsam.apis.volume.slices import PlaneSlices
from mmdbsam.geometry.grids import geometry_of

OBJECT = letter()
IMAGE = as_image(OBJECT)


def physical(image, *voxels):
    """Turn voxels into physical points, one after the other."""
    return [number for voxel in voxels for number
            in image.TransformContinuousIndexToPhysicalPoint(
                [float(x) for x in voxel])]


@pytest.mark.parametrize('axes', ['axial', 'coronal', 'sagittal', 'all'])
def test_an_object_comes_back_where_it_was(bright, axes):
    """The scan is oblique and anisotropic, and stored in each of 48 ways."""
    for count, stored in enumerate(stored_otherwise(IMAGE)):
        wanted = sitk.GetArrayFromImage(stored) > 0
        box, units = box_of(wanted), 'px'
        if count % 2:
            box, units = physical(stored, box[:3], box[3:]), 'mm'
        result = bright.segment_volume(stored, EachSlice(box), axes, units)
        assert np.array_equal(result.labels, wanted)
        written = result.image()
        for key, value in geometry_of(stored).items():
            np.testing.assert_allclose(geometry_of(written)[key], value,
                                       rtol=0, atol=1e-6)
    assert count == 47


@pytest.mark.parametrize('order', [(0, 1, 2), (2, 0, 1), (1, 2, 0)])
def test_boxes_of_slices_count_along_the_stack(bright, order):
    """Boxes are interpolated between two axial slices, and end beyond them."""
    stored = sitk.PermuteAxes(IMAGE, order)
    # The axes of the storage that run right, down, and from slice to slice.
    right, down, through = (order.index(axis) for axis in range(3))
    first = {right: (0, 31), down: (0, 23)}
    last = {right: (8, 31), down: (0, 11)}
    flat = sorted((right, down))
    boxes = {z: [sides[axis][end] for end in (0, 1) for axis in flat]
             for z, sides in ((4, first), (8, last))}
    result = bright.segment_volume(stored, SliceBoxes(boxes))
    found = np.transpose(result.labels > 0, [2 - axis for axis in (
        through, down, right)])
    assert np.array_equal(np.flatnonzero(found.any(axis=(1, 2))),
                          range(4, 9))
    for z in range(4, 9):
        wanted = OBJECT[z].copy()
        wanted[:, :2 * (z - 4)] = False
        wanted[23 - 3 * (z - 4) + 1:] = False
        assert np.array_equal(found[z], wanted)


def test_boxes_of_slices_in_mm(bright):
    """Boxes in mm lie along the scanner's axes, on the nearest slice."""
    image = as_image(OBJECT, oblique=False)
    x0, y0, z = physical(image, (6, 4, 4.4))
    x1, y1, _ = physical(image, (28, 19, 0))
    result = bright.segment_volume(image, SliceBoxes({z: (x0, y0, x1, y1)}),
                                   units='mm')
    assert np.array_equal(result.mask(0)[4], OBJECT[4])
    assert not np.delete(result.labels, 4, axis=0).any()


def test_coarse_labels_give_the_boxes(bright):
    """Each id is an object; the labels may be stored along other axes."""
    coarse = np.zeros(OBJECT.shape, np.uint8)
    coarse[3:15, 4:8, 6:10] = 7
    coarse[3:5, 4:6, 12:20] = 3
    wanted = (OBJECT & (coarse == 3), OBJECT & (coarse == 7))
    image = sitk.GetImageFromArray(coarse)
    image.CopyInformation(IMAGE)
    turned = sitk.PermuteAxes(image, (2, 0, 1))
    for labels in (coarse, image, turned):
        result = bright.segment_volume(IMAGE, CoarseLabels(labels))
        assert result.ids == [3, 7] and result.names == ['label 3', 'label 7']
        for i in range(2):
            assert np.array_equal(result.mask(i), wanted[i])
    moved = bright.segment_volume(
        IMAGE, [EachSlice(box_of(OBJECT)), CoarseLabels(image, margin=40)],
        axes='coronal')
    assert moved.ids == [1, 2, 3]
    # The boxes cover whole slices, wherever the label shows.
    assert np.array_equal(moved.mask(1)[:, 4:6], OBJECT[:, 4:6])
    assert not moved.mask(1)[:, 6:].any()


def test_prompts_on_slices_lead_the_other_planes(bright):
    """Boxes on axial slices prompt all planes, whose mean is taken."""
    boxes = {z: (6, 4, 28, 19) for z in (3, 14)}
    result = bright.segment_volume(IMAGE, SliceBoxes(boxes), axes='all')
    assert np.array_equal(result.labels > 0, OBJECT)


def test_overlaps_show_the_smallest(bright):
    x0, y0, z0, _, y1, _ = box_of(OBJECT)
    part = [x0, y0, z0, x0 + 1, y1, z0 + 1]
    result = bright.segment_volume(
        IMAGE, dict(part=EachSlice(part), whole=EachSlice(box_of(OBJECT))))
    assert result.names == ['part', 'whole'] and result.ids == [1, 2]
    assert np.array_equal(result.mask(1), OBJECT)
    assert np.array_equal(result.labels == 1, result.mask(0))
    assert result.mask(0).any()
    voxel = 0.7 * 0.9 * 2.5 / 1000
    np.testing.assert_allclose(result.volumes_ml(), [
        voxel * result.mask(0).sum(), voxel * OBJECT.sum()])
    assert result.labels.dtype == np.uint8


def test_confidence_is_weighted_by_area(bright, monkeypatch):
    """Slices whose mask is empty say nothing."""
    decode = bright.model.model.decode_prompts
    ious = iter(range(100))

    def counting(*args, **kwargs):
        logits, iou = decode(*args, **kwargs)
        return logits, iou.fill_(next(ious))

    monkeypatch.setattr(bright.model.model, 'decode_prompts', counting)
    result = bright.segment_volume(
        IMAGE, dict(object=EachSlice([0, 0, 2, 31, 23, 5]),
                    nothing=EachSlice([0, 0, 19, 31, 23, 19])),
        batch_size=1)
    areas = OBJECT[2:6].sum(axis=(1, 2))
    assert areas[0] == 0 and len(set(areas[1:])) > 1
    np.testing.assert_allclose(
        result.confidence, [areas @ np.arange(4) / areas.sum(), 0])


def test_clean_up(bright):
    """The largest component is kept, and its holes are filled."""
    mask = np.zeros(OBJECT.shape, bool)
    mask[2:12, 2:12, 2:12] = True
    mask[5:8, 5:8, 5:8] = False
    mask[12, 12, 12] = True  # connected by a corner
    solid = mask.copy()
    solid[5:8, 5:8, 5:8] = True
    mask[16:18, 20:22, 20:22] = True
    box = EachSlice(box_of(mask))
    plain, largest, filled, both = (
        bright.segment_volume(as_image(mask), box, largest_component=keep,
                              fill_holes=fill).labels > 0
        for fill in (False, True) for keep in (False, True))
    assert np.array_equal(plain, mask)
    assert np.array_equal(largest, mask & solid)
    assert np.array_equal(filled, mask | solid)
    assert np.array_equal(both, solid)


@pytest.mark.parametrize('prompt', [
    EachSlice(box_of(OBJECT)), CoarseLabels(OBJECT.astype(np.uint8))])
def test_isotropic_voxels_come_back_on_the_grid(bright, prompt):
    image = as_image(OBJECT)
    image.SetSpacing((1, 1, 2))
    result = bright.segment_volume(image, prompt, isotropic=1.)
    shapes = {image.shape for image in bright.fake.encoded}
    assert shapes == {(3, 128, 128)}
    assert len(bright.fake.encoded) == 2 * 12
    assert geometry_of(result.image()) == geometry_of(image)
    # Between slices grey values are interpolated, so that borders may move.
    assert (result.labels > 0)[3:14].sum() > 0.9 * OBJECT.sum()
    assert np.array_equal(result.labels[7] > 0, OBJECT[7])


@pytest.mark.parametrize('batch_size', [1, 5])
def test_a_slice_is_encoded_once_for_all_objects(bright, batch_size):
    boxes = [EachSlice([0, 0, z, 31, 23, z + 9]) for z in range(8)]
    result = bright.segment_volume(IMAGE, boxes, batch_size=batch_size)
    assert len(bright.fake.encoded) == 17
    assert bright.fake.decoded == 80
    for i in range(8):
        wanted = OBJECT.copy()
        wanted[:i] = wanted[i + 10:] = False
        assert np.array_equal(result.mask(i), wanted)


def test_memory_does_not_grow_with_the_slices(bright, monkeypatch):
    kept = []
    image_of = PlaneSlices._image_of

    def watched(slices, index, following):
        image = image_of(slices, index, following)
        kept.append(len(slices._encoded))
        return image

    monkeypatch.setattr(PlaneSlices, '_image_of', watched)
    # An embedding of this model is the image itself, 3 x 128 x 128 floats.
    monkeypatch.setattr('mmdbsam.apis.volume.slices._MEMORY', 600_000)
    volume = np.zeros((60, 24, 32), np.uint8)
    bright.segment_volume(volume, EachSlice([0, 0, 0, 31, 23, 59]),
                          batch_size=1)
    assert max(kept) == 3 and len(kept) == 60


def test_arrays_have_the_spacing_that_is_given(bright):
    values = np.where(OBJECT, BRIGHT, 0).astype(np.uint8)
    low, high = np.reshape(box_of(OBJECT), (2, 3)) * [0.5, 0.5, 3]
    result = bright.segment_volume(values, EachSlice([*low, *high]),
                                   units='mm', spacing=(0.5, 0.5, 3))
    assert np.array_equal(result.labels > 0, OBJECT)
    assert result.image().GetSpacing() == (0.5, 0.5, 3)
