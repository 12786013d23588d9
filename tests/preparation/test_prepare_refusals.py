"""tools/prepare_data.py: what it refuses, in one line, leaving nothing."""

import gzip
import re

import numpy as np
import pytest
import SimpleITK as sitk
from synthetic import volume

from mmdbsam.errors import run_cli
from mmdbsam.preparation import (
    CaseOptions,
    LabelFile,
    SourceCase,
    prepare_dataset,
    read_case,
)

LABEL = np.ones((20, 10, 10), np.uint8)
SCAN = np.arange(2000, dtype=np.int16).reshape(20, 10, 10) % 90


@pytest.fixture
def refused(command, capsys, tmp_path):
    """Prepare tmp_path/in and return the one line of complaint."""

    def run(*options):
        dest = tmp_path / 'out'
        before = sorted(tmp_path.iterdir())
        with pytest.raises(SystemExit) as stop:
            run_cli(lambda: command('prepare', tmp_path / 'in', dest,
                                    *options))
        message = stop.value.code
        assert message.startswith('error: ') and '\n' not in message
        assert sorted(tmp_path.iterdir()) == before
        assert capsys.readouterr().err == ''
        return message

    return run


def test_a_folder_of_something_else_is_never_replaced(
        write_case, refused, tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz')
    (tmp_path / 'out').mkdir()
    (tmp_path / 'out/thesis.txt').write_text('mine')
    assert 'not a prepared data set' in refused('--overwrite')
    assert (tmp_path / 'out/thesis.txt').read_text() == 'mine'


def test_finished_data_set_is_replaced_only_on_demand(
        write_case, refused, tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz')
    prepare_dataset(tmp_path / 'in', tmp_path / 'out')
    assert 'out: a prepared data set from another source or with other ' in (
        refused('--window', 'lung'))


@pytest.mark.parametrize('missing', ['', 'images', 'labels'])
def test_missing_folder(refused, tmp_path, missing):
    for folder in ('images', 'labels'):
        if missing not in ('', folder):
            (tmp_path / 'in' / folder).mkdir(parents=True)
    where = tmp_path / 'in' / ('' if missing == 'images' else missing)
    assert f'{where}: expected ' in refused()


def test_no_images(refused, tmp_path):
    for folder in ('images', 'labels'):
        (tmp_path / 'in' / folder).mkdir(parents=True)
    assert '.nii.gz, .nii files or folders of a DICOM series' in refused()


def test_image_without_label(write_case, refused, tmp_path):
    case = write_case(tmp_path / 'in', 'a.nii.gz')
    case.labels[0].path.unlink()
    assert "images/a.nii.gz: expected a label named 'a' in" in refused()


def test_two_images_of_one_name(write_case, refused, tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz')
    write_case(tmp_path / 'in', 'a.nii')
    assert "expected one volume named 'a'" in refused()


@pytest.mark.parametrize('key, label, expected, found', [
    ('size', volume(LABEL[1:]), '(10, 10, 20)', '(10, 10, 19)'),
    ('spacing', volume(LABEL, (1, 1, 1.002)), '(1, 1, 1) mm',
     '(1, 1, 1.002) mm, 0.002 mm off'),
    ('origin', volume(LABEL, origin=(0, 0.002, 0)), '(0, 0, 0) mm',
     '(0, 0.002, 0) mm, 0.002 mm off'),
    ('direction',
     volume(LABEL, direction=(0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1)),
     '(1, 0, 0, 0, 1, 0, 0, 0, 1)', '(0.8, 0.6, 0, -0.6, 0.8, 0, 0, 0, 1)'),
])
def test_label_on_another_grid(write_case, refused, tmp_path, key, label,
                               expected, found):
    write_case(tmp_path / 'in', 'a.nii.gz', label=label)
    assert (f'labels/a.nii.gz: expected the {key} of its image, {expected}, '
            f'found {found}') in refused()


def test_rounding_of_the_geometry_is_tolerated(write_case, command,
                                               tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz',
               label=volume(LABEL, (1, 1, 1.0005), (0, 0.0005, 0)))
    command('prepare', tmp_path / 'in', tmp_path / 'out')


@pytest.mark.parametrize('label, message', [
    (LABEL * 0, 'expected some foreground, found only 0'),
    (LABEL * np.float32(1.5), 'expected whole numbers as label ids, found 1.5'
     ),
    (LABEL * np.int16(-1), 'expected label ids in 0..65535, found -1..-1'),
    (LABEL * np.int32(70000), 'found 70000..70000'),
])
def test_values_that_are_no_labels(write_case, refused, tmp_path, label,
                                   message):
    write_case(tmp_path / 'in', 'a.nii.gz', label=volume(label))
    line = refused()
    assert 'labels/a.nii.gz: ' in line and message in line


def truncated(content):
    return content[:len(content) // 2]


def damaged(content):
    return content[:-20] + bytes([content[-20] ^ 0xff]) + content[-19:]


def short_inside(content):
    return gzip.compress(gzip.decompress(content)[:1000])


@pytest.mark.parametrize('folder', ['images', 'labels'])
@pytest.mark.parametrize('corrupt, message', [
    (truncated, 'expected a complete gzip stream, found: '),
    (damaged, 'expected a complete gzip stream, found: '),
    (short_inside, r'bytes by its header, found 1000; the file is truncated'),
    (lambda content: b'no volume', 'expected an intact NIfTI volume, found: '),
    (lambda content: b'', 'expected an intact NIfTI volume, found: '),
])
def test_corrupt_file(write_case, refused, tmp_path, folder, corrupt,
                      message):
    noise = np.random.default_rng(0).integers(1, 99, (20, 128, 128))
    write_case(tmp_path / 'in', 'a.nii.gz', volume(noise), volume(noise))
    path = tmp_path / 'in' / folder / 'a.nii.gz'
    path.write_bytes(corrupt(path.read_bytes()))
    assert re.search(f'{folder}/a.nii.gz: .*{message}', refused())


def test_truncated_uncompressed_file(write_case, refused, tmp_path):
    path = write_case(tmp_path / 'in', 'a.nii').image
    path.write_bytes(path.read_bytes()[:-1])
    assert 'expected 4352 bytes by its header, found 4351' in refused()


def test_corrupt_file_seen_from_outside(run_tool, write_case, tmp_path):
    path = write_case(tmp_path / 'in', 'a.nii.gz').image
    path.write_bytes(truncated(path.read_bytes()))
    result = run_tool('prepare_data.py', tmp_path / 'in', tmp_path / 'out')
    assert result.returncode == 1
    assert result.stderr.startswith('error: ')
    assert result.stderr.count('\n') == 1
    assert not (tmp_path / 'out').exists()


@pytest.mark.parametrize('image, found', [
    (volume(LABEL)[:, :, 0], '2-D with 1'),
    (sitk.Compose(volume(LABEL), volume(LABEL)), '3-D with 2'),
])
def test_not_a_scalar_volume(write_case, refused, tmp_path, image, found):
    write_case(tmp_path / 'in', 'a.mha', image)
    assert f'expected a 3-D volume of one value a voxel, found {found}' in (
        refused())


def test_a_volume_of_a_4d_file_must_be_chosen(write_case, refused, tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz',
               sitk.JoinSeries([volume(SCAN + i) for i in range(3)]))
    assert ('expected a 3-D volume, found 4-D with 3 volumes; choose one of '
            'channels 0 to 2') in refused()
    read = read_case(SourceCase('a', tmp_path / 'in/images/a.nii.gz', (
        LabelFile(tmp_path / 'in/labels/a.nii.gz'), )), CaseOptions(channel=2))
    np.testing.assert_array_equal(read.image, SCAN + 2)


@pytest.mark.parametrize('table, message', [
    ('number,name\n1,liver\n', 'expected the columns id,name, found '
     'number,name'),
    ('id,name\none,liver\n', "line 2: expected a whole number that is no "
     "other line's id, found 'one'"),
    ('id,name\n1,liver\n1,spleen\n', 'line 3: '),
    ('', 'expected the columns id,name, found'),
])
def test_unusable_label_names(write_case, refused, tmp_path, table, message):
    write_case(tmp_path / 'in', 'a.nii.gz')
    (tmp_path / 'in/labels.csv').write_text(table)
    assert message in refused()


@pytest.mark.parametrize('options, message', [
    (('--split-by', 'case'), '1 cases cannot fill train, val, test'),
    (('--split', '1', '1', '0'), 'sum 1'),
    (('--window', '40', '0'), 'width > 0'),
    (('--gap', '5'), "case 'a': 20 slices are too few"),
])
def test_unusable_options(write_case, refused, tmp_path, options, message):
    write_case(tmp_path / 'in', 'a.nii.gz')
    assert message in refused(*options)


def test_destination_that_cannot_be_made(write_case, command, tmp_path):
    write_case(tmp_path / 'in', 'a.nii.gz')
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match='expected a place to write to'):
        command('prepare', tmp_path / 'in', tmp_path / 'file/out', '--gap', 0)


@pytest.mark.parametrize('name', ['a.nii.gz', 'a.nii', 'a.nrrd', 'a.mha'])
@pytest.mark.parametrize('value', [np.nan, np.inf])
@pytest.mark.parametrize('dtype', [np.float32, np.float64])
def test_voxels_that_are_no_numbers(write_case, refused, tmp_path, name,
                                    value, dtype):
    """ITK's reader of NIfTI would make zeros of them."""
    image = np.zeros(LABEL.shape, dtype)
    image[0, 1, 2:4] = value
    write_case(tmp_path / 'in', name, image=volume(image))
    assert (f'images/{name}: expected finite values, found 2 voxels that are '
            'NaN or infinite') in refused()


@pytest.mark.parametrize('options', [(), ('--modality', 'MR')])
def test_a_constant_scan(write_case, refused, tmp_path, options):
    write_case(tmp_path / 'in', 'a.nii.gz',
               image=volume(np.full(LABEL.shape, 7, np.int16)))
    assert ('images/a.nii.gz: expected intensities that differ, found only 7'
            ) in refused(*options)
