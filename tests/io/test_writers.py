"""Segmentations in files: the grid, the voxels, the names."""

import itertools
import locale
import shlex
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import (
    differences,
    flat_geometry,
    geometry_of,
    set_geometry,
)
from mmdbsam.io.readers import DicomSeriesReader, Readers
from mmdbsam.io.writers import Writers, label_descriptions
from mmdbsam.io.writers.all_writers import SEGMENTATION_WRITERS
from mmdbsam.preparation import CaseOptions, LabelFile, SourceCase
from mmdbsam.preparation.volumes import read_case
from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.results import VolumeResult

SHARED = Path(__file__).parents[3] / 'shared/data/dicom_ct/series'
VOLUMES = ['nii.gz', 'nii', 'nrrd', 'seg.nrrd', 'mha']
# A rotation about an axis that is not one of the grid's.
AXIS = np.array([1., 2., 3.]) / np.sqrt(14)
CROSS = np.cross(np.eye(3), AXIS)
OBLIQUE = (np.eye(3) + np.sin(0.3) * CROSS + (1 - np.cos(0.3)) * CROSS @ CROSS)
ORIENTATIONS = [
    np.eye(3)[:, order] * signs
    for order in itertools.permutations(range(3))
    for signs in itertools.product((1, -1), repeat=3)]
KEEP_ALL = CaseOptions(min_volume=0, min_area=0)
ODD_NAME = 'Größe "α"'


def scan(axes=None):
    """An image on an anisotropic grid; no axis of it is another's mirror."""
    values = np.random.default_rng(0).integers(-999, 999, (5, 6, 7), np.int16)
    direction = OBLIQUE @ (np.eye(3) if axes is None else axes)
    return set_geometry(sitk.GetImageFromArray(values), dict(
        spacing=[0.703125, 0.75, 2.53], origin=[-312.3456, 30.5, 701.25],
        direction=direction.ravel().tolist()))


def objects(geometry, ids=(1, 2)):
    """Two objects without a symmetry, which share a voxel."""
    first = np.zeros(geometry['size'][::-1], bool)
    first[0, 1:4, 2:6] = first[-1, 2, 3] = True
    second = np.zeros_like(first)
    second[-1, 2:, 3:5] = True
    return VolumeResult([PackedMask.pack(mask) for mask in (first, second)],
                        list(ids), ['liver', ODD_NAME], np.array([0.9, 0.5]),
                        geometry)


def places(mask, geometry):
    """The sorted places of a mask's voxels in the scanner's space, (n, 3)."""
    indices = np.argwhere(mask)[:, ::-1] * geometry['spacing']
    direction = np.array(geometry['direction']).reshape(3, 3)
    points = geometry['origin'] + indices @ direction.T
    return points[np.lexsort(points.round(3).T)]


@pytest.mark.parametrize('suffix', VOLUMES)
def test_label_volumes_lie_on_their_image(suffix, tmp_path):
    """This holds in every orientation, for an image of the same format."""
    for axes in ORIENTATIONS:
        image = tmp_path / f'image.{suffix.removeprefix("seg.")}'
        sitk.WriteImage(scan(axes), str(image))
        geometry = Readers().find(image).geometry(image)
        made = objects(geometry)
        path = tmp_path / f'a b.{suffix}'
        Writers().find(path).write(made, image, path)
        found = sitk.ReadImage(str(path))
        assert differences(geometry, geometry_of(found), 1e-6) == []
        np.testing.assert_array_equal(sitk.GetArrayFromImage(found),
                                      made.labels)
    assert {path.name for path in tmp_path.iterdir()} == {image.name,
                                                         path.name}


def test_more_ids_than_a_picture_holds(tmp_path):
    made = objects(flat_geometry((7, 6, 1)), ids=(1, 300))
    with pytest.raises(InputError, match='a.png: expected ids up to 255'):
        Writers().find(tmp_path / 'a.png').write(
            made, tmp_path / 'image.png', tmp_path / 'a.png')
    Writers().find(tmp_path / 'a.mha').write(
        made, tmp_path / 'image.png', tmp_path / 'a.mha')
    found = sitk.GetArrayFromImage(sitk.ReadImage(str(tmp_path / 'a.mha')))
    np.testing.assert_array_equal(np.unique(found), [0, 1, 300])


def test_names_in_slicers_header(tmp_path):
    """3D Slicer's vtkMRMLSegmentationStorageNode reads these keys."""
    path = tmp_path / 'a.seg.nrrd'
    made = objects(geometry_of(scan()), ids=(3, 7))
    Writers().find(path).write(made, path, path)
    found = sitk.ReadImage(str(path))
    for i, (label_id, name) in enumerate([(3, 'liver'), (7, ODD_NAME)]):
        assert found.GetMetaData(f'Segment{i}_Name') == name
        assert found.GetMetaData(f'Segment{i}_LabelValue') == str(label_id)
        assert found.GetMetaData(f'Segment{i}_Extent') == '0 6 0 5 0 4'
        colour = found.GetMetaData(f'Segment{i}_Color').split()
        assert all(0 <= float(x) <= 1 for x in colour) and len(colour) == 3


def test_names_for_itk_snap():
    lines = label_descriptions(objects(geometry_of(scan()))).splitlines()
    rows = [shlex.split(line) for line in lines]
    assert [row[0] for row in rows] == ['0', '1', '2']
    assert all(len(row) == 8 for row in rows)
    assert rows[1][-1] == 'liver'
    assert all(0 <= int(x) <= 255 for row in rows for x in row[1:4])


def test_label_pictures(tmp_path):
    """The palette's indices are read back as labels by prepare_data."""
    values = np.arange(42, dtype=np.uint8).reshape(6, 7)
    Image.fromarray(values).save(tmp_path / 'image.png')
    made = objects(flat_geometry((7, 6, 1)))
    image, path = tmp_path / 'image.png', tmp_path / 'mask.png'
    writer = Writers().find(path)
    writer.check(image, made.geometry)
    writer.write(made, image, path)
    case = read_case(SourceCase('a', image, (LabelFile(path), )), KEEP_ALL)
    np.testing.assert_array_equal(case.layers[0], made.labels)
    with Image.open(path) as picture:
        assert picture.text == {'label 1': 'liver', 'label 2': ODD_NAME}
        colours = np.array(picture.convert('RGB'))
    assert (colours[made.labels[0] == 0] == 0).all()
    assert colours[made.labels[0] == 1].max() > 100


def test_no_picture_of_a_volume():
    geometry = geometry_of(scan())
    with pytest.raises(InputError, match='a.mha: expected one slice to write '
                                         'a PNG of, found 5'):
        Writers().find(Path('a.png')).check(Path('a.mha'), geometry)


def test_unknown_suffix():
    with pytest.raises(InputError) as error:
        Writers().find(Path('a.doc'))
    message = str(error.value)
    assert message.startswith('a.doc: expected a file name that ends in ')
    for suffix in [*VOLUMES, 'png', 'dcm']:
        assert f'.{suffix}' in message
    assert '\n' not in message


def test_a_folder_that_cannot_be_written_to(tmp_path):
    path = tmp_path / 'none/a.nii.gz'
    with pytest.raises(InputError, match='none/a.nii.gz: expected a place to '
                                         'write to'):
        Writers().find(path).write(objects(geometry_of(scan())), path, path)


def write_series(folder):
    """A DICOM series of the oblique scan, with files in reverse order."""
    image = scan()
    folder.mkdir()
    characters = locale.setlocale(locale.LC_CTYPE)
    writer = sitk.ImageFileWriter()
    writer.KeepOriginalImageUIDOn()
    direction = [f'{x:.9f}' for x in np.array(
        image.GetDirection()).reshape(3, 3).T[:2].ravel()]
    for index in range(image.GetDepth()):
        piece = image[:, :, index]
        position = image.TransformIndexToPhysicalPoint((0, 0, index))
        for tag, value in {
                '0008|0060': 'CT', '0020|000d': '1.2', '0020|000e': '1.2.3',
                '0008|0018': f'1.2.3.{index + 1}', '0020|0052': '1.2.9',
                '0010|0010': 'M\xfcller^Eva', '0008|0005': 'ISO_IR 192',
                '0020|0032': '\\'.join(f'{x:.9f}' for x in position),
                '0020|0037': '\\'.join(direction)}.items():
            piece.SetMetaData(tag, value)
        writer.SetFileName(str(folder / f'{9 - index}.dcm'))
        writer.Execute(piece)
    # GDCM leaves it at 'C', in which Python reads files as ASCII.
    locale.setlocale(locale.LC_CTYPE, characters)
    return folder


@pytest.fixture(params=['oblique', 'real'])
def series(request, tmp_path):
    """A DICOM series: a made-up oblique one, or one of a real scanner."""
    if request.param == 'oblique':
        return write_series(tmp_path / 'series')
    if not SHARED.exists():
        pytest.skip('no ../shared/data')
    return SHARED


def test_dicom_seg_lies_on_its_series(series, tmp_path):
    """highdicom's geometry agrees; overlap and references are kept."""
    from highdicom.seg import segread
    from pydicom import dcmread
    geometry = DicomSeriesReader().geometry(series)
    made = objects(geometry)
    path = tmp_path / 'a.seg.dcm'
    writer = Writers().find(path)
    assert writer.keeps_overlaps
    writer.check(series, geometry)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        writer.write(made, series, path)
    found = segread(path)
    volume = found.get_volume(combine_segments=False)
    # highdicom's affine takes (slice, row, column).
    for number, name in enumerate(made.names):
        mask = made.mask(number)
        segment = found.get_segment_description(number + 1)
        assert segment.segment_label == name
        indices = np.argwhere(volume.array[..., number])
        points = (indices @ volume.affine[:3, :3].T) + volume.affine[:3, 3]
        points = points[np.lexsort(points.round(3).T)]
        np.testing.assert_allclose(points, places(mask, geometry), rtol=0,
                                   atol=1e-5)
    first = dcmread(next(file for file in series.iterdir()))
    assert found.StudyInstanceUID == first.StudyInstanceUID
    assert found.FrameOfReferenceUID == first.FrameOfReferenceUID
    assert found.PatientName == first.PatientName
    referred = {str(uid) for _, _, uid in found.get_source_image_uids()}
    assert referred == {str(dcmread(file).SOPInstanceUID)
                        for file in series.iterdir()}


def test_dicom_seg_needs_a_series(tmp_path, monkeypatch):
    writer = Writers().find(Path('a.dcm'))
    with pytest.raises(InputError, match='a.mha: expected a folder of a DICOM '
                                         'series'):
        writer.check(tmp_path / 'a.mha', geometry_of(scan()))
    monkeypatch.setitem(sys.modules, 'highdicom', None)
    with pytest.raises(InputError, match=r"pip install 'mmdbsam\[dicom\]'"):
        writer.check(tmp_path, geometry_of(scan()))


def test_dicom_seg_of_a_series_without_a_frame_of_reference(tmp_path):
    from pydicom import dcmread
    folder = write_series(tmp_path / 'series')
    for file in folder.iterdir():
        content = dcmread(file)
        del content.FrameOfReferenceUID
        content.save_as(file)
    with pytest.raises(InputError, match='series: expected a series that a '
                                         'DICOM SEG can refer to, found: .*'
                                         'Frame Of Reference UID'):
        Writers().find(Path('a.dcm')).check(folder, geometry_of(scan()))


def test_files_named_after_their_images():
    """Each kind of images has its kind of label volumes, and no other's."""
    readers, writers = Readers(), Writers()
    found = {name: writers.suffix_for(readers.find(Path(name))) for name in (
        'a.nii', 'a.nhdr', 'a.mhd', 'a.jpg', 'a.npz')}
    assert found == {'a.nii': '.nii.gz', 'a.nhdr': '.seg.nrrd',
                     'a.mhd': '.mha', 'a.jpg': '.png', 'a.npz': '.nii.gz'}
    assert writers.suffix_for(DicomSeriesReader()) == '.seg.dcm'
    suffixes = [suffix for writer in SEGMENTATION_WRITERS
                for suffix in writer.suffixes]
    assert len(set(suffixes)) == len(suffixes)
