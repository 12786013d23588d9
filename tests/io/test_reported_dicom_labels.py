"""SEG and RTSTRUCT as reports say that tools write them.

The image is made up, and so are the objects that label it.
"""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest
from dicom_files import (
    SPACE,
    dataset_of,
    save_object,
    write_slices,
)
from pydicom import dcmread
from synthetic import KEEP_ALL

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
HEIGHTS = [100, 103, 106, 109, 112]
SHAPE = (5, 20, 24)
RNG = np.random.default_rng(0)


@pytest.fixture
def series(tmp_path):
    """The folder of a series at :data:`HEIGHTS`."""
    stored = RNG.integers(0, 99, SHAPE).astype(np.int16)
    return write_slices(tmp_path / 'in/images/c', stored, HEIGHTS)


def labels_of(series, path):
    """The masks of an object's labels on the series, by name."""
    from mmdbsam.io.label_readers import LabelReaders
    names = LabelReaders().find(path).names(path)
    options = CaseOptions(table=LabelTable.of_names({}, names), min_volume=0,
                          min_area=0)
    layers = read_case(SourceCase('c', series, (LabelFile(path), )),
                       options).layers
    return {name: np.any([layer == options.table.ids[name]
                          for layer in layers], axis=0) for name in names}


def refused(series, path):
    with pytest.raises(InputError, match=r'^.*$') as error:
        read_case(SourceCase('c', series, (LabelFile(path), )), KEEP_ALL)
    return str(error.value)


def write_seg(path, masks, shared=(), kind='BINARY', heights=None, **tags):
    """Write masks (S, D, H, W) with a frame where a segment has a voxel.

    The functional groups named in ``shared`` are said once for all frames.
    """
    frames, groups = [], []
    for z in range(masks.shape[1]):
        for number, volume in enumerate(masks, start=1):
            if not volume[z].any() or kind == 'LABELMAP' and number > 1:
                continue
            frames.append(volume[z] if kind != 'LABELMAP' else np.max(
                [(i + 1) * one[z] for i, one in enumerate(masks)], axis=0))
            height = float((heights or HEIGHTS)[z])
            groups.append(dict(
                PlanePositionSequence=dict(
                    ImagePositionPatient=[0, 0, height]),
                PlaneOrientationSequence=dict(
                    ImageOrientationPatient=[1, 0, 0, 0, 1, 0]),
                PixelMeasuresSequence=dict(
                    PixelSpacing=[1, 1], SliceThickness=9,
                    SpacingBetweenSlices=9),
                SegmentIdentificationSequence=dict(
                    ReferencedSegmentNumber=number)))
    stored = np.stack(frames).astype(np.uint8)
    if kind == 'BINARY':
        stored = np.packbits(stored.ravel(), bitorder='little')
    if kind == 'FRACTIONAL':
        stored = stored * 200
        tags['MaximumFractionalValue'] = 250
    bits = 1 if kind == 'BINARY' else 8
    content = stored.tobytes()
    return save_object(path, dict(
        Modality='SEG', SegmentationType=kind, Rows=SHAPE[1],
        Columns=SHAPE[2], NumberOfFrames=len(frames), SamplesPerPixel=1,
        PhotometricInterpretation='MONOCHROME2', BitsAllocated=bits,
        BitsStored=bits, HighBit=bits - 1, PixelRepresentation=0,
        FrameOfReferenceUID=SPACE,
        SegmentSequence=[dataset_of(SegmentNumber=i, SegmentLabel=f's{i}')
                         for i in range(1, len(masks) + 1)],
        SharedFunctionalGroupsSequence=[dataset_of(
            **{name: [dataset_of(**groups[0][name])] for name in shared})],
        PerFrameFunctionalGroupsSequence=[dataset_of(
            **{name: [dataset_of(**said)] for name, said in group.items()
               if name not in shared}) for group in groups],
        PixelData=content + b'\0' * (len(content) % 2)) | tags)


def two_masks():
    masks = np.zeros((2, *SHAPE), bool)
    masks[0, 1:4, 3:9, 4:20] = masks[1, [1, 3], 8:15, 10:12] = True
    return masks


MEASURES, ORIENTATION = 'PixelMeasuresSequence', 'PlaneOrientationSequence'
POSITION, SEGMENT = ('PlanePositionSequence',
                     'SegmentIdentificationSequence')


@pytest.mark.parametrize('shared', [
    (), (MEASURES, ), (ORIENTATION, ), (MEASURES, ORIENTATION)])
@pytest.mark.parametrize('kind', ['BINARY', 'FRACTIONAL', 'LABELMAP'])
def test_functional_groups_are_shared_or_not(series, tmp_path, shared, kind):
    masks = two_masks()
    if kind == 'LABELMAP':
        masks[0] &= ~masks[1]
    found = labels_of(series, write_seg(tmp_path / 'a.dcm', masks, shared,
                                        kind))
    assert list(found) == ['s1', 's2']
    np.testing.assert_array_equal(list(found.values()), masks)


def test_everything_is_shared(series, tmp_path):
    masks = np.zeros((1, *SHAPE), bool)
    masks[0, 2, 3:9, 4:20] = True
    path = write_seg(tmp_path / 'a.dcm', masks,
                     (MEASURES, ORIENTATION, POSITION, SEGMENT))
    np.testing.assert_array_equal(labels_of(series, path)['s1'], masks[0])


def test_frames_of_rounded_positions(series, tmp_path):
    """They lie on their slices, unless they are far beside."""
    masks = two_masks()
    near = [z + move for z, move in zip(
        HEIGHTS, (0, 0.04, -0.03, 0.05, 0), strict=True)]
    path = write_seg(tmp_path / 'a.dcm', masks, heights=near)
    np.testing.assert_array_equal(list(labels_of(series, path).values()),
                                  masks)
    write_seg(path, masks, heights=[100, 103, 107.4, 109, 112])
    assert 'expected frames on the slices of its image' in refused(series,
                                                                   path)


@needs_cases
def test_the_reported_segmentation():
    case = CASES / '10_seg_measures_per_frame'
    found = labels_of(case / 'images/c', case / 'labels/c.dcm')
    np.testing.assert_array_equal(found['liver'],
                                  np.load(case / 'true_label.npy'))
    assert found['lesion'].any()


def outline(left, top, right, bottom, z=HEIGHTS[2]):
    """A rectangle's corners (n, 3) that enclose pixels, inclusive."""
    left, top, right, bottom = left - .5, top - .5, right + .5, bottom + .5
    return np.array([(left, top, z), (right, top, z), (right, bottom, z),
                     (left, bottom, z)])


def write_rtstruct(path, contours, kind='CLOSED_PLANAR', space=SPACE,
                   number=1):
    return save_object(path, dict(
        Modality='RTSTRUCT',
        StructureSetROISequence=[dataset_of(
            ROINumber=1, ROIName='spleen',
            ReferencedFrameOfReferenceUID=space)],
        ROIContourSequence=[dataset_of(
            ReferencedROINumber=number, ContourSequence=[dataset_of(
                ContourGeometricType=kind, NumberOfContourPoints=len(points),
                ContourData=[f'{x:.4f}' for x in points.ravel()])
                for points in contours])]))


def region(series, path):
    return labels_of(series, path)['spleen'][2]


@pytest.mark.parametrize('kind', ['CLOSED_PLANAR', 'CLOSEDPLANAR_XOR'])
@pytest.mark.parametrize('change', [
    lambda points: points, lambda points: points[::-1],
    lambda points: np.roll(points, 2, axis=0),
    lambda points: points + 0.01, lambda points: points + [.05, -.05, 0],
    lambda points: np.repeat(points, 2, axis=0),
    lambda points: np.insert(points, 1, points[:2].mean(0), axis=0)])
def test_a_contour_counts_once(series, tmp_path, kind, change):
    """However it is repeated; the hole in it stays, also if repeated."""
    outer, hole = outline(3, 4, 15, 16), outline(6, 7, 9, 10)
    contours = [outer, hole, change(outer), change(hole), outer]
    found = region(series, write_rtstruct(tmp_path / 'a.dcm', contours, kind))
    wanted = np.zeros(SHAPE[1:], bool)
    wanted[4:17, 3:16] = True
    wanted[7:11, 6:10] = False
    np.testing.assert_array_equal(found, wanted)


def test_contours_of_a_region_in_several_items(series, tmp_path):
    path = write_rtstruct(tmp_path / 'a.dcm', [outline(3, 4, 15, 16)])
    header = dcmread(path)
    for contour in (outline(3, 4, 15, 16), outline(18, 4, 19, 5)):
        more = deepcopy(header.ROIContourSequence[0])
        more.ContourSequence[0].ContourData = contour.ravel().tolist()
        header.ROIContourSequence.append(more)
    header.save_as(path)
    found = labels_of(series, path)
    assert list(found) == ['spleen']
    assert found['spleen'].sum() == 13 * 13 + 4


def test_a_thin_ring_is_no_repetition(series, tmp_path):
    contours = [outline(3, 4, 15, 16), outline(4, 5, 14, 15)]
    found = region(series, write_rtstruct(tmp_path / 'a.dcm', contours))
    assert found.sum() == 13 * 13 - 11 * 11


def test_a_keyhole(series, tmp_path):
    """One line that runs round a hole and back through the same channel."""
    outer, hole = outline(3, 4, 15, 16), outline(6, 7, 9, 10)[::-1]
    line = np.vstack([outer, outer[:1], hole[-1:], hole])
    found = region(series, write_rtstruct(tmp_path / 'a.dcm', [line]))
    assert found.sum() == 13 * 13 - 16 and not found[8, 7]


def test_contours_that_say_little(series, tmp_path):
    """One has no points, and one does not say that it is closed."""
    path = write_rtstruct(tmp_path / 'a.dcm', [
        outline(3, 4, 15, 16), outline(3, 4, 9, 9, HEIGHTS[1]),
        outline(1, 1, 2, 2)])
    header = dcmread(path)
    first, second, third = header.ROIContourSequence[0].ContourSequence
    del first.ContourGeometricType, third.ContourData
    second.ContourData = []
    header.save_as(path)
    assert region(series, path).sum() == 13 * 13


@needs_cases
def test_the_reported_contours():
    case = CASES / '11_rtstruct_contours_twice'
    assert {name: int(mask.sum()) > 0 for name, mask in labels_of(
        case / 'images/c', case / 'labels/c.dcm').items()} == {
            'liver': True, 'spleen': True}


def test_contours_of_an_unknown_number(series, tmp_path):
    path = write_rtstruct(tmp_path / 'a.dcm', [outline(1, 1, 5, 5)],
                          number=99)
    assert refused(series, path) == (
        f'{path}: ROIContourSequence: expected a number of '
        'StructureSetROISequence, 1, found contours of 99')


def test_positions_in_another_space(series, tmp_path):
    """Coordinates in another frame of reference mean another place."""
    write_rtstruct(tmp_path / 'a.dcm', [outline(1, 1, 5, 5)], space='1.9')
    write_seg(tmp_path / 'b.dcm', two_masks(), FrameOfReferenceUID='1.9')
    for name in ('a.dcm', 'b.dcm'):
        assert refused(series, tmp_path / name).startswith(
            f'{tmp_path / name}: expected the FrameOfReferenceUID of its '
            f'image, {SPACE}, found 1.9; ')
    path = write_seg(tmp_path / 'c.dcm', two_masks(), FrameOfReferenceUID='')
    assert len(labels_of(series, path)) == 2


@pytest.mark.parametrize('name', [
    'c', 'c.dcm', 'c.seg.dcm', 'c.DCM', 'c/1.2.826.5', 'c/object',
    'c/study/1.2.5/1-1.dcm'])
def test_names_of_objects(series, tmp_path, name):
    """Archives give no suffix, and folders within folders."""
    path = tmp_path / 'in/labels' / name
    path.parent.mkdir(parents=True)
    write_seg(path, two_masks())
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL,
                               plan=SplitPlan(fractions=(0, 0, 1)))
    assert not prepared.problems
    assert list(prepared.data.labels.values()) == ['s1', 's2']


def test_names_with_any_characters(series, tmp_path):
    """pydicom takes a backslash for the sign between several values."""
    names = ['a/b\\c', ' left "lung"', 'Größe', 'x', 'x', 'x 2', '']
    path, square = tmp_path / 'a.dcm', outline(1, 1, 4, 4)
    save_object(path, dict(
        Modality='RTSTRUCT', SpecificCharacterSet='ISO_IR 192',
        StructureSetROISequence=[dataset_of(ROINumber=i, ROIName=name)
                                 for i, name in enumerate(names, start=1)],
        ROIContourSequence=[dataset_of(
            ReferencedROINumber=i, ContourSequence=[dataset_of(
                ContourGeometricType='CLOSED_PLANAR', NumberOfContourPoints=4,
                ContourData=[f'{x:g}' for x in square.ravel()])])
            for i in range(1, 1 + len(names))]))
    found = labels_of(series, path)
    assert list(found) == ['a/b\\c', 'left "lung"', 'Größe', 'x', 'x 3',
                           'x 2', 'region 7']
    assert all(mask.any() for mask in found.values())
