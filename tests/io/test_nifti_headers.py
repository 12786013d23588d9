"""NIfTI: its versions, scaling and the two places that headers state."""

import gzip
import re
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from nifti_files import AFFINE, write_nifti
from synthetic import KEEP_ALL, volume

from mmdbsam.errors import InputError
from mmdbsam.geometry.grids import differences, geometry_of
from mmdbsam.io.readers import NiftiReader
from mmdbsam.io.readers.nifti import _sheared
from mmdbsam.io.readers.nifti_header import geometries, read_header
from mmdbsam.io.writers import NiftiWriter
from mmdbsam.preparation import LabelFile, SourceCase, read_case
from mmdbsam.structures.packed_mask import PackedMask
from mmdbsam.structures.results import VolumeResult

CASES = Path(__file__).parents[3] / 'shared/cases/13_nifti'
SHAPE = (4, 5, 6)
VALUES = np.random.default_rng(0).integers(-999, 999, SHAPE, np.int16)
TURNED = np.column_stack([
    [[np.cos(.2), -np.sin(.2), 0], [np.sin(.2), np.cos(.2), 0], [0, 0, 1]]
    @ AFFINE[:, :3], [22.5, 7, 103]])


def values_of(path, **options):
    return sitk.GetArrayFromImage(NiftiReader(**options).read(path))


@pytest.mark.parametrize('name', ['a.nii', 'a.nii.gz', 'A.NII.GZ'])
@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('order', ['<', '>'])
@pytest.mark.parametrize('kind', ['i2', 'u1', 'f4', 'f8'])
def test_versions_and_byte_orders(tmp_path, name, version, order, kind):
    values = np.abs(VALUES).astype(kind)
    path = write_nifti(tmp_path / name, values, TURNED, version=version,
                       order=order)
    np.testing.assert_array_equal(values_of(path), values)
    assert NiftiReader().geometry(path) == geometry_of(
        NiftiReader().read(path))
    wanted, = geometries(read_header(path))
    for key, found in NiftiReader().geometry(path).items():
        np.testing.assert_allclose(found, wanted[key], atol=1e-5)


@pytest.mark.parametrize('name', ['a.nii', 'a.nii.gz', 'a.Nii', 'a.NII.gz'])
@pytest.mark.parametrize('version', [1, 2])
def test_values_right_behind_the_header(tmp_path, name, version):
    """An offset of 0 stands for that; a smaller one is no place."""
    path = write_nifti(tmp_path / name, VALUES, version=version)
    np.testing.assert_array_equal(values_of(path), VALUES)
    packed = path.suffix.lower() == '.gz'
    content = bytearray(gzip.decompress(path.read_bytes()) if packed
                        else path.read_bytes())
    place, kind = (108, 'f') if version == 1 else (168, 'q')
    for offset in (0, 348):
        struct.pack_into(kind, content, place, offset)
        path.write_bytes(gzip.compress(content) if packed else content)
        if offset:
            with pytest.raises(InputError, match='vox_offset.*found 348'):
                values_of(path)
        else:
            np.testing.assert_array_equal(values_of(path), VALUES)


@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('scaling, wanted', [
    ((0, 0), (1, 0)), ((0, 500), (1, 0)), ((np.nan, 500), (1, 0)),
    ((2, -1024), (2, -1024)), ((-1, 3), (-1, 3)), ((1, 5), (1, 5))])
def test_scaling(tmp_path, version, scaling, wanted):
    """A slope of 0 says that values are not scaled, also by the intercept."""
    path = write_nifti(tmp_path / 'a.nii', VALUES, scaling=scaling,
                       version=version)
    np.testing.assert_allclose(values_of(path),
                               VALUES * float(wanted[0]) + wanted[1])


@pytest.mark.parametrize('version', [1, 2])
def test_incomplete_values(tmp_path, version):
    path = write_nifti(tmp_path / 'a.nii', VALUES, version=version)
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(InputError, match='a.nii: expected .* truncated'):
        values_of(path)
    path = write_nifti(path, np.full(SHAPE, np.nan, np.float32),
                       version=version)
    with pytest.raises(InputError, match='a.nii: expected finite values'):
        values_of(path)


@pytest.mark.parametrize('codes', [(0, 1), (1, 1), (1, 2), (2, 1), (0, 0)])
@pytest.mark.parametrize('broken', [0., np.nan])
def test_a_form_that_is_no_place(tmp_path, codes, broken):
    """A matrix of zeros says nothing, whatever its code."""
    path = write_nifti(tmp_path / 'a.nii', VALUES, np.full((3, 4), broken),
                       codes)
    header = bytearray(path.read_bytes())
    header[80:92] = struct.pack('<3f', 1, 2, 3)  # the lengths of a voxel
    path.write_bytes(header)
    grid = NiftiReader().geometry(path)
    assert grid['spacing'] == [1, 2, 3]
    if codes[0]:
        assert grid['origin'] == [-20, -10, 100]
    np.testing.assert_array_equal(values_of(path), VALUES)


def sheared(by):
    matrix = AFFINE.copy()
    matrix[1, 2] += 3 * by
    return matrix


@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('by', [5e-4, 1e-3, 5e-3])
def test_a_grid_that_is_nearly_rectangular(tmp_path, capsys, by, version):
    _sheared.clear()
    path = write_nifti(tmp_path / 'a.nii', VALUES, sheared(by),
                       version=version)
    np.testing.assert_array_equal(values_of(path), VALUES)
    grid = NiftiReader().geometry(path)
    direction = np.reshape(grid['direction'], (3, 3))
    np.testing.assert_allclose(direction @ direction.T, np.eye(3), atol=1e-6)
    # No voxel moves by more than the shear over the volume's extent.
    for index in np.ndindex(SHAPE[::-1]):
        true = np.diag([-1, -1, 1]) @ sheared(by) @ [*index, 1]
        found = grid['origin'] + direction @ (index * np.array(
            grid['spacing']))
        assert np.abs(true - found).max() < by * 12
    note, = capsys.readouterr().err.splitlines()
    assert re.match(r'note: .*a\.nii: its axes are not at right', note)


def test_a_grid_that_is_not_rectangular(tmp_path):
    path = write_nifti(tmp_path / 'a.nii', VALUES, sheared(0.2))
    with pytest.raises(InputError, match=r'a.nii: expected axes at right '
                       'angles .* resample it'):
        NiftiReader().geometry(path)


@pytest.mark.parametrize('dim', [
    [6, 5, 4, 1], [6, 5, 4, 1, 1], [6, 5, 4, 1, 1, 1, 1], [6, 5, 4, 0],
    [6, 5, 4, 1, 0], [6, 5, 4, -1]])
def test_further_dimensions_of_one(tmp_path, dim):
    path = write_nifti(tmp_path / 'a.nii', VALUES, dim=dim)
    np.testing.assert_array_equal(values_of(path), VALUES)


@pytest.mark.parametrize('version', [1, 2])
def test_an_image_in_a_plane(tmp_path, version):
    """Two dimensions are one slice, whose thickness may not be told."""
    path = write_nifti(tmp_path / 'a.nii.gz', VALUES[0], version=version)
    np.testing.assert_array_equal(values_of(path), VALUES[:1])
    geometry = NiftiReader().geometry(path)
    assert geometry['size'] == [6, 5, 1]
    assert geometry['spacing'] == [1, 2, 3]
    assert geometry['origin'] == [-20, -10, 100]
    flat = np.column_stack([AFFINE[:, :2], [0, 0, 0], AFFINE[:, 3]])
    for codes in ((0, 0), (1, 0)):
        path = write_nifti(tmp_path / 'b.nii.gz', VALUES[0], flat, codes,
                           version)
        geometry = NiftiReader().geometry(path)
        assert geometry['spacing'] == [1, 2, 1]
        NiftiWriter().write(
            VolumeResult([PackedMask.pack(VALUES[:1] > 0)], [1], ['a'],
                         np.ones(1), geometry), path, tmp_path / 'out.nii')
        made = NiftiReader().geometry(tmp_path / 'out.nii')
        assert not list(differences(made, geometry, 1e-4))
    assert NiftiReader().count(path) == 1


@pytest.mark.parametrize('version', [1, 2])
def test_values_along_the_fifth_dimension(tmp_path, version):
    path = write_nifti(tmp_path / 'a.nii', VALUES[:, None, None],
                       version=version)
    assert NiftiReader().count(path) == len(VALUES)
    for i, values in enumerate(VALUES):
        np.testing.assert_array_equal(values_of(path, channel=i)[0], values)


@pytest.mark.skipif(not CASES.exists(), reason='no ../shared/cases')
@pytest.mark.parametrize('name', ['nifti2', 'scl_zero', 'shear/s0001'])
def test_reported_files(name):
    image = next((CASES / name).rglob('c*.nii.gz'))
    label = next(path for path in (CASES / name).rglob('*.nii.gz')
                 if 'label' in str(path) or 'liver' in str(path))
    pair = read_case(SourceCase('c', image, (LabelFile(label), )), KEEP_ALL)
    # The phantom's label is about 150 HU above a ramp below it.
    inside = pair.image[pair.layers[0] > 0]
    assert 0 < inside.mean() - pair.image.mean() < 200


@pytest.mark.parametrize('codes', [(0, 1), (0, 2), (1, 1), (2, 1)])
@pytest.mark.parametrize('version', [1, 2])
def test_the_spacing_is_that_of_the_chosen_place(tmp_path, codes, version):
    """Programs set the sform and forget the lengths beside the qform."""
    wide = AFFINE * [0.8, 0.9, 0.5, 1]
    path = write_nifti(tmp_path / 'a.nii.gz', VALUES, wide, codes, version)
    content = bytearray(gzip.decompress(path.read_bytes()))
    place, kind = ((80, '<3f'), (112, '<3d'))[version - 1]
    struct.pack_into(kind, content, place, 1, 1, 1)
    path.write_bytes(gzip.compress(bytes(content)))
    geometry = NiftiReader().geometry(path)
    np.testing.assert_allclose(geometry['spacing'], [0.8, 1.8, 1.5],
                               rtol=1e-6)
    np.testing.assert_allclose(geometry['origin'], [-20, -10, 100])
    np.testing.assert_array_equal(values_of(path), VALUES)
    NiftiWriter().write(
        VolumeResult([PackedMask.pack(VALUES > 0)], [1], ['a'], np.ones(1),
                     geometry), path, tmp_path / 'out.nii.gz')
    assert not list(differences(NiftiReader().geometry(
        tmp_path / 'out.nii.gz'), geometry, 1e-4))


FORMS = [((1, 2), 'qform'), ((2, 1), 'sform'), ((1, 1), 'sform'),
         ((4, 2), 'qform'), ((0, 2), 'sform')]


# An image whose qform has the code 0 does not state that place.
@pytest.mark.parametrize('codes, chosen, label', [
    (codes, chosen, label) for label in ('qform', 'sform', 'both')
    for codes, chosen in FORMS if label != 'qform' or codes[0]])
def test_labels_on_either_place(tmp_path, codes, chosen, label):
    """Programs that drew the label took one or the other."""
    image = write_nifti(tmp_path / 'image.nii', VALUES, TURNED, codes,
                        quatern=(0, 0, 1))
    own = dict(qform=(1, 0), sform=(0, 1), both=codes)[label]
    drawn = np.zeros(SHAPE, np.uint8)
    drawn[1:, 2, 3:] = 1
    path = write_nifti(tmp_path / 'label.nii', drawn, TURNED, own)
    pair = read_case(SourceCase('c', image, (LabelFile(path), )), KEEP_ALL)
    wanted, found = (sitk.GetArrayFromImage(sitk.DICOMOrient(volume(
        array, geometry['spacing'], geometry['origin'],
        geometry['direction']), 'LPS')) for geometry in (
            NiftiReader().geometry(image), ) for array in (drawn, VALUES))
    np.testing.assert_array_equal(pair.layers[0], wanted)
    np.testing.assert_array_equal(pair.image, found)
    place = dict(qform=-20., sform=-22.5)[chosen]
    assert NiftiReader().geometry(image)['origin'][0] == place


@pytest.mark.parametrize('codes', [*(codes for codes, _ in FORMS), (0, 0),
                                   (3, 4)])
@pytest.mark.parametrize('version', [1, 2])
@pytest.mark.parametrize('out', ['out.nii', 'out.nii.gz'])
def test_results_keep_both_places(tmp_path, codes, version, out):
    image = write_nifti(tmp_path / 'image.nii.gz', VALUES, TURNED, codes,
                        version=version)
    mask = VALUES > 100
    NiftiWriter().write(
        VolumeResult([PackedMask.pack(mask)], [1], ['a'], np.ones(1),
                     NiftiReader().geometry(image)), image, tmp_path / out)
    np.testing.assert_array_equal(values_of(tmp_path / out), mask)
    source, made = read_header(image), read_header(tmp_path / out)
    for name in ('qform_code', 'sform_code', 'quatern', 'qoffset', 'srow'):
        np.testing.assert_allclose(made[name], source[name], rtol=1e-6)
    np.testing.assert_allclose(made['pixdim'][:4], source['pixdim'][:4])
