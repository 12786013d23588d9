"""DICOM SEG and RTSTRUCT as labels of a series."""

import shutil
import sys
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as Outline
from prepare_sources import SHARED, dicom_rtstruct
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from synthetic import KEEP_ALL

from mmdbsam.errors import InputError
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.io.label_readers.dicom_rtstruct import enclosed
from mmdbsam.io.readers import Readers
from mmdbsam.preparation import (
    CaseOptions,
    LabelFile,
    LabelTable,
    SourceCase,
    read_case,
)

SERIES = SHARED / 'dicom_ct/series'
needs_shared = pytest.mark.skipif(not SHARED.exists(),
                                  reason='no ../shared/data')


def masks_of(path, series=SERIES):
    """The masks (D, H, W) by name, with slices counted from below."""
    grid = Readers().find(series).geometry(series)
    reader = LabelReaders().find(path)
    found = {}
    for part in reader.read(path, grid):
        mask = sitk.DICOMOrient(part.values, 'LPS')
        found[part.names[1]] = mask
    assert list(found) == reader.names(path)
    return {name: sitk.GetArrayFromImage(mask)
            for name, mask in found.items()}


def refused(path, series=SERIES):
    with pytest.raises(InputError, match=r'^.*$') as error:
        read_case(SourceCase('a', series, (LabelFile(path), )), KEEP_ALL)
    assert str(error.value).startswith(f'{path}: ')
    return str(error.value)[len(f'{path}: '):]


def segmentation(path, masks, indices, **options):
    """Write masks (n, H, W) of the series' slices, counted from below."""
    images = sorted((dcmread(file) for file in SERIES.iterdir()),
                    key=lambda image: image.ImagePositionPatient[2])
    for image in images:
        image.SpecificCharacterSet, image.PatientName = 'ISO_IR 100', 'A^B'
    count = masks.shape[-1] if masks.ndim == 4 else 1
    hd.seg.Segmentation(
        source_images=[images[i] for i in indices], pixel_array=masks,
        segment_descriptions=[
            hd.seg.SegmentDescription(
                i + 1, 'lesion', codes.SCT.Organ, codes.SCT.Liver,
                hd.seg.SegmentAlgorithmTypeValues.MANUAL)
            for i in range(count)],
        series_instance_uid=hd.UID(), series_number=2,
        sop_instance_uid=hd.UID(), instance_number=1, manufacturer='m',
        manufacturer_model_name='m', software_versions='1',
        device_serial_number='1', **options).save_as(path)
    return path


@needs_shared
def test_segments_lie_where_their_frames_say():
    """The reference is the file's own frames, put in place by hand."""
    path = SHARED / 'dicom_ct/partial_overlaps.seg.dcm'
    seg = dcmread(path)
    names = [segment.SegmentLabel for segment in seg.SegmentSequence]
    wanted = {name: np.zeros((3, 512, 512), np.uint8) for name in names}
    heights = sorted(dcmread(file).ImagePositionPatient[2]
                     for file in SERIES.iterdir())
    for frame, about in zip(seg.pixel_array,
                            seg.PerFrameFunctionalGroupsSequence, strict=True):
        z = about.PlanePositionSequence[0].ImagePositionPatient[2]
        number = about.SegmentIdentificationSequence[0] \
            .ReferencedSegmentNumber
        wanted[names[number - 1]][np.abs(np.subtract(heights, z)).argmin()] \
            = frame
    found = masks_of(path)
    assert found.keys() == wanted.keys()
    for name in names:
        np.testing.assert_array_equal(found[name], wanted[name])


@needs_shared
def test_overlapping_segments_are_kept():
    path = SHARED / 'dicom_ct/partial_overlaps.seg.dcm'
    found = masks_of(path)
    assert max(sum(found.values()).ravel()) > 1
    case = SourceCase('a', SERIES, (LabelFile(path), ))
    options = CaseOptions(
        table=LabelTable.of_names({}, found), min_volume=0, min_area=0)
    layers = read_case(case, options).layers
    assert len(layers) > 1
    for name, mask in found.items():
        layer_has = np.any([layer == options.table.ids[name]
                            for layer in layers], axis=0)
        np.testing.assert_array_equal(layer_has, mask)


@needs_shared
@pytest.mark.parametrize('indices', [[0], [2], [0, 1], [2, 1], [2, 0]])
def test_a_part_of_the_slices(tmp_path, indices):
    """What a SEG does not cover is background; it may be a single slice."""
    masks = np.zeros((len(indices), 512, 512), np.uint8)
    for i, z in enumerate(indices):
        masks[i, 100 + z:200, 150:300] = 1
    path = segmentation(tmp_path / 'a.dcm', masks, indices,
                        segmentation_type='BINARY')
    case = SourceCase('a', SERIES, (LabelFile(path, 'lesion'), ))
    options = CaseOptions(
        table=LabelTable.of_names({}, ['lesion']), min_volume=0, min_area=0)
    layer, = read_case(case, options).layers
    for z in range(3):
        wanted = masks[indices.index(z)] if z in indices else 0
        np.testing.assert_array_equal(layer[z], wanted)


@needs_shared
@pytest.mark.parametrize('kind', ['BINARY', 'FRACTIONAL', 'LABELMAP'])
def test_kinds_of_segmentations(tmp_path, kind):
    """The second segment of the same name is numbered."""
    masks = np.zeros((3, 512, 512, 2), np.uint8)
    masks[:, 50:80, 60:90, 0] = masks[1:, 200:220, 10:300, 1] = 1
    pixels = masks if kind != 'FRACTIONAL' else masks * 0.7 + 0.2
    options = dict(fractional_type='PROBABILITY') \
        if kind == 'FRACTIONAL' else {}
    path = segmentation(tmp_path / 'a.dcm', pixels, [0, 1, 2],
                        segmentation_type=kind, **options)
    found = masks_of(path)
    np.testing.assert_array_equal(found['lesion'], masks[..., 0])
    np.testing.assert_array_equal(found['lesion 2'], masks[..., 1])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 20)),
                min_size=3, max_size=8))
def test_enclosed_pixels(corners):
    """The reference counts crossings along columns instead of rows."""
    polygon = np.array(corners)
    # Pixels on an edge may belong to either side.
    polygon += np.random.default_rng(0).uniform(0, 1e-3, polygon.shape)
    found = enclosed(polygon, (14, 19))
    wanted = enclosed(polygon[:, ::-1], (19, 14)).T
    np.testing.assert_array_equal(found, wanted)


def test_enclosed_pixels_of_a_blob():
    """The reference for a shape of many corners is matplotlib's point test."""
    angle = np.linspace(0, 2 * np.pi, 200, endpoint=False)
    radius = 40 + 8 * np.sin(5 * angle)
    polygon = np.stack([50.3 + radius * np.cos(angle),
                        45.7 + radius * np.sin(angle)], axis=1)
    y, x = np.mgrid[:100, :120]
    wanted = Outline(polygon).contains_points(
        np.stack([x.ravel(), y.ravel()], axis=1)).reshape(x.shape)
    np.testing.assert_array_equal(enclosed(polygon, x.shape), wanted)


@pytest.fixture
def rtstruct(tmp_path):
    """A function that writes a made-up RTSTRUCT and returns its path."""
    dicom_rtstruct(tmp_path / 'in')
    path = tmp_path / 'in/labels/ct.dcm'

    def write(change):
        header = dcmread(path)
        change(header)
        header.save_as(path)
        return path

    return write


def contours_of(header):
    return header.ROIContourSequence[0].ContourSequence


def moved(contour, shift, scale=1.):
    """A copy of a contour, scaled about its centre, then shifted by mm."""
    points = np.array(contour.ContourData, float).reshape(-1, 3)
    points = (points - points.mean(0)) * [scale, scale, 1] + points.mean(0)
    copy = Dataset()
    copy.ContourGeometricType = contour.ContourGeometricType
    copy.ContourData = [f'{x:.4f}' for x in (points + shift).ravel()]
    return copy


@needs_shared
def test_contours_become_the_pixels_within(rtstruct):
    spacing = 0.810547
    mask = masks_of(rtstruct(lambda header: None))['heart']
    rows, columns = (slice(int(np.ceil(a / spacing)), int(b / spacing) + 1)
                     for a, b in ((100, 160), (100, 180)))
    wanted = np.zeros_like(mask)
    wanted[:, rows, columns] = 1
    np.testing.assert_array_equal(mask, wanted)


@needs_shared
def test_contours_within_contours_are_holes(rtstruct):
    whole = masks_of(rtstruct(lambda header: None))['heart']

    def add_hole(header):
        contours_of(header).append(moved(contours_of(header)[0], 0, 0.5))

    mask = masks_of(rtstruct(add_hole))['heart']
    z = int((whole != mask).any(axis=(1, 2)).argmax())
    hole = whole - mask
    assert hole[z].sum() == pytest.approx(whole[z].sum() / 4, rel=0.03)
    assert not np.delete(hole, z, axis=0).any()


@needs_shared
def test_points_are_no_regions(rtstruct):
    def add_point(header):
        marker, roi = Dataset(), Dataset()
        marker.ROINumber, marker.ROIName = 2, 'isocentre'
        point = Dataset()
        point.ContourGeometricType = 'POINT'
        point.ContourData = ['0', '0', '0']
        roi.ReferencedROINumber, roi.ContourSequence = 2, [point]
        header.StructureSetROISequence.append(marker)
        header.ROIContourSequence.append(roi)

    assert list(masks_of(rtstruct(add_point))) == ['heart']


@needs_shared
@pytest.mark.parametrize('shift, found', [
    ((0, 0, 0.4), 'slices of its image, found one 0.4 mm beside'),
    ((0, 0, -40), 'the 3 slices of its image, found one on slice -')])
def test_contours_beside_the_slices_are_refused(rtstruct, shift, found):
    def shift_one(header):
        contours_of(header)[0] = moved(contours_of(header)[0], shift)

    message = refused(rtstruct(shift_one))
    assert message.startswith("region 'heart': expected contours on ")
    assert found in message


@needs_shared
def test_other_objects_are_refused(tmp_path, monkeypatch):
    seg = SHARED / 'dicom_ct/liver.seg.dcm'
    image = shutil.copy(next(SERIES.iterdir()), tmp_path / 'image.dcm')
    assert refused(Path(image)) == 'expected DICOM SEG or RTSTRUCT, found CT'
    for name, content in (('none.dcm', b'no DICOM'), ('empty.dcm', b''),
                          ('cut.dcm', seg.read_bytes()[:20000])):
        (tmp_path / name).write_bytes(content)
        assert refused(tmp_path / name).startswith(
            'expected an intact DICOM SEG or RTSTRUCT, found: ')
    monkeypatch.setitem(sys.modules, 'pydicom', None)
    assert refused(seg) == ("DICOM labels need pip install 'mmdbsam[dicom]'")
