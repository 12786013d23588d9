"""Labels: chosen, merged, renamed, overlapping, too small, and sent back."""

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from PIL import Image
from synthetic import KEEP_ALL, volume

from mmdbsam.datasets import on_source_grid
from mmdbsam.errors import InputError
from mmdbsam.preparation import (
    CaseOptions,
    LabelFile,
    SourceCase,
    SplitPlan,
    prepare_dataset,
    read_case,
)
from mmdbsam.preparation.label_table import LabelTable

SHARED = Path(__file__).parents[3] / 'shared/data/dicom_ct'
ALL_TEST = SplitPlan('case', (0, 0, 1))
DECLARED = {1: 'liver', 2: 'left kidney', 3: 'right kidney', 4: 'cyst'}


@pytest.fixture
def select(tmp_path):
    """A function that makes a label table from the text of a YAML file."""

    def make(text, found=()):
        path = tmp_path / 'labels.yml'
        path.write_text(text, encoding='utf-8')
        return LabelTable.of_selection(path, DECLARED, found)

    return make


def test_a_selection_chooses_merges_and_renames(select):
    table = select('kidneys: [left kidney, 3]\nLeber: liver\nrib: 17\n'
                   'spleen: milt\n', ['milt'])
    assert table.names == {1: 'kidneys', 2: 'Leber', 3: 'rib', 4: 'spleen'}
    keys = [2, 'left kidney', 3, 'right kidney', 1, 'liver', 17, 'milt']
    assert [table.id_of(key) for key in keys] == [1, 1, 1, 1, 2, 2, 3, 4]
    assert [table.id_of(key) for key in (4, 'cyst', 99)] == [0, 0, 0]


@pytest.mark.parametrize('text, message', [
    ('liver: hepar', "liver: expected a label of the source, found 'hepar'; "
     'it has cyst, left kidney, liver, right kidney'),
    ('a: liver\nb: 1', "expected '1' under one name, found it again at b"),
    ('a: [2, true]', 'expected names or values in 1..65535, found True'),
    ('a: 0', 'found 0'),
    ('- liver', "expected lines 'name: source', found list"),
    ('a: [', 'expected YAML, found: '),
    ('!!python/object/apply:os.system ["true"]', 'expected YAML, found: '),
])
def test_bad_selections_are_refused(select, text, message):
    with pytest.raises(InputError) as error:
        select(text)
    assert 'labels.yml: ' in str(error.value)
    assert message in str(error.value) and '\n' not in str(error.value)


def test_names_without_values_get_the_next_ids():
    table = LabelTable.of_names({7: 'liver'}, ['spleen', 'liver', 'aorta'])
    assert table.names == {7: 'liver', 8: 'aorta', 9: 'spleen'}
    assert [table.id_of(key) for key in ('spleen', 'liver', 3)] == [9, 7, 3]


def test_a_value_never_becomes_another_label():
    table = LabelTable.of_names({}, ['aorta'])
    assert table.names == {1: 'aorta'} and table.id_of(2) == 2
    with pytest.raises(InputError, match="found that 'aorta', which has none"):
        table.id_of(1)


@pytest.fixture
def structures(tmp_path):
    """A case of TotalSegmentator's layout with overlapping structures."""
    rng = np.random.default_rng(0)
    masks = {name: (rng.random((6, 9, 8)) < share).astype(np.uint8)
             for name, share in (('aorta', .3), ('liver', .5), ('rib', .1))}
    masks['gone'] = np.zeros((6, 9, 8), np.uint8)
    for case in ('s1', 's2', 's3'):
        folder = tmp_path / 'in' / case / 'segmentations'
        folder.mkdir(parents=True)
        sitk.WriteImage(volume(rng.integers(-99, 99, (6, 9, 8))),
                        str(folder.parent / 'ct.nii.gz'))
        for name, mask in masks.items():
            sitk.WriteImage(volume(mask), str(folder / f'{name}.nii.gz'))
    return tmp_path / 'in', masks


def test_overlapping_structures_are_kept(structures, tmp_path):
    source, masks = structures
    (source / 'meta.csv').write_text(
        'image_id;age;split\ns1;50;train\ns2;60;val\ns3;;test\n')
    data = prepare_dataset(source, tmp_path / 'out', options=KEEP_ALL).data
    assert data.labels == {1: 'aorta', 3: 'liver', 4: 'rib'}
    assert [list(case.splits) for case in data.cases] == [
        ['train'], ['val'], ['test']]
    case = data.cases[0]
    assert len(case.label()) > 1
    for column, (label_id, name) in enumerate(data.labels.items()):
        mask = case.mask(label_id, 0, 6)
        np.testing.assert_array_equal(mask, masks[name])
        np.testing.assert_array_equal(case.areas()[:, column],
                                      masks[name].sum((1, 2)))


def test_merged_structures_count_their_voxels_once(structures, tmp_path):
    source, masks = structures
    (tmp_path / 'labels.yml').write_text('soft: [liver, aorta]\nbone: rib\n')
    data = prepare_dataset(source, tmp_path / 'out', options=KEEP_ALL,
                           labels=tmp_path / 'labels.yml').data
    assert data.labels == {1: 'soft', 2: 'bone'}
    soft = masks['liver'] | masks['aorta']
    case = data.cases[0]
    np.testing.assert_array_equal(case.mask(1, 0, 6), soft)
    np.testing.assert_array_equal(case.areas()[:, 0], soft.sum((1, 2)))


def test_a_map_of_many_labels(write_case, tmp_path):
    """104 ids, as TotalSegmentator has, survive the way to a file and back."""
    rng = np.random.default_rng(1)
    label = rng.integers(0, 105, (20, 30, 40)).astype(np.uint8)
    write_case(tmp_path / 'in', 'a.nrrd', volume(label.astype(np.int16)),
               volume(label))
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                           options=KEEP_ALL, plan=ALL_TEST).data
    assert len(data.labels) == 104
    np.testing.assert_array_equal(data.cases[0].label()[0], label)


def test_what_is_too_small_is_taken_out_and_told(write_case, tmp_path):
    label = np.zeros((20, 30, 40), np.uint8)
    label[2:10, 2:12, 3:18] = 1   # 8 slices of 150 px: kept
    label[10, 2:11, 3:14] = 1     # 99 px: its slice goes
    label[11, 2:12, 3:13] = 1     # 100 px: stays
    label[2:8, 15:25, 5:20] = 2   # 900 voxels: goes
    write_case(tmp_path / 'in', 'a.nii.gz',
               volume(np.arange(24000).reshape(20, 30, 40) % 99),
               volume(label))
    found = prepare_dataset(tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST)
    case, = found.data.cases
    assert found.data.labels == {1: 'label_1'}
    assert case.dropped == {'label_1': (99, 1), 'label_2': (900, 6)}
    expected = (label == 1) & (np.arange(20) != 10)[:, None, None]
    np.testing.assert_array_equal(case.label()[0], expected)


def test_nothing_large_enough_is_told(write_case, tmp_path):
    label = np.zeros((20, 10, 10), np.uint8)
    label[2, 3:5] = 1
    case = write_case(tmp_path / 'in', 'a.nii.gz', label=volume(label))
    with pytest.raises(InputError) as error:
        prepare_dataset(tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST)
    assert str(error.value) == (
        f'{case.labels[0].path}: expected a label of at least 1000 voxels '
        '(--min-volume) with 100 px in a slice (--min-area), found none')


ANGLE = np.deg2rad(25)
OBLIQUE = np.array([[np.cos(ANGLE), -np.sin(ANGLE), 0],
                    [np.sin(ANGLE), np.cos(ANGLE), 0],
                    [0, 0, 1]]) @ [[0, 0, -1], [1, 0, 0], [0, -1, 0]]


@pytest.mark.parametrize('suffix', ['nii.gz', 'nrrd', 'mha'])
@pytest.mark.parametrize('plane', ['axial', 'coronal', 'sagittal'])
@pytest.mark.parametrize('direction', [np.eye(3), OBLIQUE],
                         ids=['straight', 'oblique'])
def test_a_label_volume_comes_back_on_the_source_grid(
        write_case, tmp_path, suffix, plane, direction):
    """Voxels and header are the same, for slices along any axis."""
    rng = np.random.default_rng(2)
    array = rng.integers(0, 120, (7, 9, 11)).astype(np.uint8)
    grid = ((0.7, 0.8, 2.5), (-120.3, 77.1, 1033.7), direction.ravel())
    write_case(tmp_path / 'in', f'a.{suffix}',
               volume(array.astype(np.int16), *grid), volume(array, *grid))
    data = prepare_dataset(
        tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST,
        options=CaseOptions(min_volume=0, min_area=0, plane=plane)).data
    case = data.cases[0]
    back = on_source_grid(case, case.label()[0])
    wanted = sitk.ReadImage(str(tmp_path / f'in/labels/a.{suffix}'))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(back), array)
    assert back.GetSpacing() == wanted.GetSpacing()
    assert back.GetOrigin() == wanted.GetOrigin()
    assert back.GetDirection() == wanted.GetDirection()
    with pytest.raises(InputError, match='expected a volume of shape'):
        on_source_grid(case, case.label()[0][1:])


@pytest.mark.skipif(not SHARED.exists(), reason='no ../shared/data')
def test_a_label_comes_back_on_the_grid_of_a_real_series(tmp_path):
    """Its file names run in descending z."""
    label = SHARED / 'liver_seg.nrrd'
    source = tmp_path / 'cases.csv'
    source.write_text(f'case,image,label\nct,{SHARED}/series,{label}\n')
    case = prepare_dataset(source, tmp_path / 'out', plan=ALL_TEST,
                           options=KEEP_ALL, absolute_paths=True).data.cases[0]
    back = on_source_grid(case, case.label()[0])
    names = sorted(map(str, (SHARED / 'series').iterdir()), reverse=True)
    series = sitk.ReadImage(names)
    for found, wanted in ((back.GetSize(), series.GetSize()),
                          (back.GetOrigin(), series.GetOrigin()),
                          (back.GetDirection(), series.GetDirection()),
                          (back.GetSpacing(), series.GetSpacing())):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4)
    found, wanted = (sitk.GetArrayFromImage(sitk.DICOMOrient(image, 'LPS'))
                     for image in (back, sitk.ReadImage(str(label))))
    np.testing.assert_array_equal(found, wanted)


def ball(size, spacing, direction):
    """A ball of 9 mm on an oblique grid, as a scan of soft edges."""
    grid = volume(np.zeros(size), spacing, (5, -8, 13), direction.ravel())
    centre = np.array(grid.TransformContinuousIndexToPhysicalPoint(
        [(n - 1) / 2 for n in grid.GetSize()]))
    index = np.indices(size[::-1]).reshape(3, -1) * np.array(spacing)[:, None]
    points = direction @ index + np.array(grid.GetOrigin())[:, None]
    far = np.linalg.norm(points - centre[:, None], axis=0)
    far = far.reshape(size[::-1]).T
    scan = volume((200 - 10 * far).astype(np.float32))
    label = volume((far < 9).astype(np.uint8))
    for image in (scan, label):
        image.CopyInformation(grid)
    return scan, label


@pytest.mark.parametrize('plane', ['axial', 'sagittal'])
def test_resampling_keeps_things_where_they_are(write_case, tmp_path, plane):
    scan, label = ball((16, 40, 44), (0.8, 0.8, 2.), OBLIQUE)
    write_case(tmp_path / 'in', 'a.nii.gz', scan, label)
    case = prepare_dataset(
        tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST,
        options=CaseOptions(min_volume=0, min_area=0, plane=plane,
                            spacing=(1., 1., 1.))).data.cases[0]
    assert case.spacing == (1, 1, 1)
    mask = case.mask(1, 0, case.shape[0])
    np.testing.assert_allclose(mask.sum(), 4 / 3 * np.pi * 9**3, rtol=0.03)
    # The edge falls linearly, so interpolation keeps it on the mask's edge.
    inside = case.image()[mask]
    assert inside.min() > 140 and case.image()[~mask].max() < 180
    back = on_source_grid(case, mask.astype(np.uint8))
    assert back.GetSize() == label.GetSize()
    both = sitk.GetArrayFromImage(back) + 2 * sitk.GetArrayFromImage(label)
    dice = 2 * (both == 3).sum() / ((both == 3).sum() * 2
                                    + ((both == 1) | (both == 2)).sum())
    assert dice > 0.93


def test_three_windows_are_three_channels(write_case, tmp_path):
    values = np.arange(-1000, 1000).reshape(20, 10, 10)
    write_case(tmp_path / 'in', 'a.nii.gz', volume(values))
    from mmdbsam.io.windowing import WINDOWS
    windows = tuple(WINDOWS[name] for name in ('lung', 'soft_tissue', 'bone'))
    case = prepare_dataset(tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST,
                           options=CaseOptions(windows=windows)).data.cases[0]
    for channel, window in enumerate(windows):
        np.testing.assert_array_equal(case.image()[..., channel],
                                      window.apply(values))


def test_a_part_must_lie_on_the_images_voxels(tmp_path, write_case):
    """The difference is named in millimetres."""
    case = write_case(tmp_path / 'in', 'a.nii.gz', label=volume(
        np.ones((20, 10, 10), np.uint8), origin=(0, 0, 0.4)))
    with pytest.raises(InputError, match=r'expected the origin of its image, '
                       r'\(0, 0, 0\) mm, found \(0, 0, 0.4\) mm, 0.4 mm off'):
        read_case(case, KEEP_ALL)


@pytest.mark.parametrize('values', [(1, 1), (3, 3), (255, 255), (1, 2)])
def test_a_file_of_one_structure_has_one_value(write_case, tmp_path, values):
    """It may be any; several would be several labels."""
    label = np.zeros((20, 10, 10), np.uint8)
    label[3:5], label[7] = values
    case = write_case(tmp_path / 'in', 'a.nii.gz', label=volume(label))
    named = SourceCase('a', case.image,
                       (LabelFile(case.labels[0].path, 'liver'), ))
    options = CaseOptions(table=LabelTable({'liver': 4}, {4: 'liver'}))
    if values[0] != values[1]:
        with pytest.raises(InputError, match=r'a\.nii\.gz: expected one value '
                           "in the mask of 'liver', found 1, 2; if"):
            read_case(named, options)
        return
    layer, = read_case(named, options).layers
    np.testing.assert_array_equal(layer, (label > 0) * 4)


def test_no_form_of_several_values_is_one_structure(write_case, tmp_path):
    """Neither colours nor a mask for each label."""
    ids = np.zeros((20, 10, 10), np.uint8)
    ids[3:5], ids[7] = 1, 2
    one_hot = sitk.JoinSeries([volume((ids == i).astype(np.uint8))
                               for i in range(3)])
    case = write_case(tmp_path / 'in', 'a.nii.gz', label=one_hot)
    colours = np.zeros((10, 10, 3), np.uint8)
    colours[2, :, 0] = colours[5, :, 1] = 255
    for name in ('a.png', 'a_mask.png'):
        Image.fromarray(colours).save(tmp_path / name)
    for image, label in ((case.image, case.labels[0].path),
                         (tmp_path / 'a.png', tmp_path / 'a_mask.png')):
        options = CaseOptions(table=LabelTable({'liver': 4}, {4: 'liver'}))
        with pytest.raises(InputError, match="in the mask of 'liver', found "
                           '1, 2; if'):
            read_case(SourceCase('a', image, (LabelFile(label, 'liver'), )),
                      options)


@pytest.mark.parametrize('white, kind', [
    (255, np.uint8), (255, np.float32), (65535, np.uint16)])
def test_white_on_black_is_one_label(write_case, tmp_path, white, kind):
    mask = np.zeros((20, 10, 10), kind)
    mask[3:5] = white
    case = write_case(tmp_path / 'in', 'a.nii.gz', label=volume(mask))

    def ids(**table):
        options = CaseOptions(table=LabelTable(**table))
        return {*np.unique(read_case(case, options).layers[0])}

    assert ids() == ids(names={1: 'liver'}) == {0, 1}
    # A data set may say what the value is.
    assert ids(names={white: 'liver'}) == {0, white}
    assert ids(ids={white: 4}, all_values=False) == {0, 4}
    mask[7] = 3
    case = write_case(tmp_path / 'in', 'a.nii.gz', label=volume(mask))
    assert ids() == {0, 3, white}
