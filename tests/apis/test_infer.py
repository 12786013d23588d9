"""tools/infer.py segments files and writes files."""

import json
import re
from pathlib import Path

import cv2
import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import as_image, box_of, letter, stored_otherwise
from PIL import Image
from written_files import table, values

from mmdbsam.geometry.grids import differences, geometry_of

SERIES = Path(__file__).parents[3] / 'shared/data/dicom_ct/series'
BOX = box_of(letter())


def test_labels_lie_on_the_image_however_it_is_stored(infer, tmp_path):
    image, out = tmp_path / 'image.nii.gz', tmp_path / 'out.nii.gz'
    for stored in stored_otherwise(as_image(letter())):
        sitk.WriteImage(stored, str(image))
        truth = sitk.GetArrayFromImage(stored) > 0
        infer(image, '-o', out, '--each-slice', '--box', *box_of(truth))
        assert differences(geometry_of(sitk.ReadImage(str(image))),
                           geometry_of(sitk.ReadImage(str(out))), 1e-6) == []
        np.testing.assert_array_equal(values(out), truth)


@pytest.mark.parametrize('out', ['a.nrrd', 'a.seg.nrrd', 'a.mha', 'a.nii'])
def test_boxes_in_space(infer, scan, tmp_path, out):
    """Two opposite corners of the box, in the scanner's millimetres."""
    image = sitk.ReadImage(str(scan))
    corners = [image.TransformIndexToPhysicalPoint(BOX[i:i + 3])
               for i in (3, 0)]
    infer(scan, '-o', tmp_path / out, '--each-slice', '--units', 'mm',
          '--box', *(f'{x:.6f}' for corner in corners for x in corner))
    np.testing.assert_array_equal(values(tmp_path / out), letter())


def test_the_table_and_the_record(infer, scan, tmp_path, capsys):
    infer(scan, '-o', tmp_path / 'out/a.seg.nrrd', '--each-slice', '--box',
          *BOX, '--label', 'arm, "left"')
    row, = table(tmp_path / 'out/a.volumes.csv')
    volume = letter().sum() * 0.7 * 0.9 * 2.5 / 1000
    assert float(row.pop('volume_ml')) == pytest.approx(volume, rel=1e-5)
    assert row == dict(image='scan', label='1', name='arm, "left"',
                       voxels=str(letter().sum()), confidence='0.7500')
    record = json.loads((tmp_path / 'out/a.labels.json').read_text())
    assert record['objects'][0]['name'] == 'arm, "left"'
    assert record['origin']['settings']['axes'] == 'axial'
    header = sitk.ReadImage(str(tmp_path / 'out/a.seg.nrrd'))
    assert header.GetMetaData('Segment0_Name') == 'arm, "left"'
    assert f'{volume:.2f} mL' in capsys.readouterr().out
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {
        'a.seg.nrrd', 'a.volumes.csv', 'a.labels.json'}


def test_the_time_that_it_took(infer, scan, tmp_path, capsys):
    """On the terminal and in the record: a slice, and the whole case."""
    infer(scan, '-o', tmp_path / 'a.nii.gz', '--each-slice', '--box', *BOX)
    timing = json.loads((tmp_path / 'a.labels.json').read_text())['timing']
    assert timing['slices'] == BOX[5] - BOX[2] + 1 == 12
    assert (0 < 12 * timing['seconds_per_slice']
            < timing['seconds_per_case'] + 0.01)
    line, = re.findall(r'^time: +(.*)$', capsys.readouterr().out, re.MULTILINE)
    assert line == (f'12 slices, {timing["seconds_per_slice"]:.2f} s a slice, '
                    f'{timing["workers"]} side by side; '
                    f'{timing["seconds_per_case"]:.1f} s for the case')


def test_names_beside_formats_without(infer, scan, tmp_path):
    infer(scan, '-o', tmp_path / 'a.nii.gz', '--box', *BOX, '--label', 'arm')
    assert '"arm"' in (tmp_path / 'a.labels.txt').read_text()


def test_objects_that_overlap(infer, scan, tmp_path, capsys):
    """The smaller object is shown; a file for each loses nothing."""
    part = [*BOX[:3], 12, *BOX[4:]]
    options = [scan, '--each-slice', '--box', *BOX, '--box', *part,
               '--label', 'all', '--label', 'a part']
    smaller = letter()
    smaller[:, :, 13:] = False
    infer(*options, '-o', tmp_path / 'a.mha')
    assert f"note: {smaller.sum()} voxels of 'all'" in capsys.readouterr().out
    np.testing.assert_array_equal(values(tmp_path / 'a.mha'),
                                  letter() + 1 * smaller)
    infer(*options, '-o', tmp_path / 'b.mha', '--separate')
    assert 'note' not in capsys.readouterr().out
    np.testing.assert_array_equal(values(tmp_path / 'b.1_all.mha'), letter())
    np.testing.assert_array_equal(values(tmp_path / 'b.2_a_part.mha'),
                                  2 * smaller)
    assert not (tmp_path / 'b.mha').exists()
    assert [row['voxels'] for row in table(tmp_path / 'b.volumes.csv')] == [
        str(letter().sum()), str(smaller.sum())]


def test_a_picture(infer, tmp_path):
    mask = letter()[4]
    Image.fromarray(np.where(mask, 200, 0).astype(np.uint8)).save(
        tmp_path / 'a.png')
    infer(tmp_path / 'a.png', '-o', tmp_path / 'out.png', '--box', *BOX[:2],
          *BOX[3:5])
    np.testing.assert_array_equal(np.asarray(Image.open(
        tmp_path / 'out.png')), mask)
    # A picture knows no lengths.
    row, = table(tmp_path / 'out.volumes.csv')
    assert row['volume_ml'] == '' and row['voxels'] == str(mask.sum())
    infer(tmp_path / 'a.png', '-o', tmp_path / 'out.png', '--point', 7, 6, 1,
          '--point', 31, 0, 0)
    np.testing.assert_array_equal(np.asarray(Image.open(
        tmp_path / 'out.png')), mask)


def test_a_coarse_mask_is_a_prompt(infer, scan, tmp_path):
    coarse = sitk.Cast(sitk.ReadImage(str(scan)) > 0, sitk.sitkUInt8) * 5
    sitk.WriteImage(coarse, str(tmp_path / 'coarse.mha'))
    infer(scan, '-o', tmp_path / 'a.mha', '--prompt-mask',
          tmp_path / 'coarse.mha')
    np.testing.assert_array_equal(values(tmp_path / 'a.mha'), 5 * letter())
    infer(scan, '-o', tmp_path / 'a.mha', '--prompt-mask',
          tmp_path / 'coarse.mha', '--label', 'arm')
    assert table(tmp_path / 'a.volumes.csv')[0]['name'] == 'arm'


def test_a_point_is_followed(infer, scan, tmp_path):
    """All that is bright is one object here."""
    infer(scan, '-o', tmp_path / 'a.mha', '--point', 7, 6, 4)
    found = values(tmp_path / 'a.mha')
    np.testing.assert_array_equal(found[4], letter()[4])
    assert not found[~letter()].any()


def test_a_volume_of_four_dimensions(infer, refused, tmp_path):
    dim = as_image(np.zeros_like(letter()))
    path = tmp_path / 'a.nii.gz'
    sitk.WriteImage(sitk.JoinSeries([dim, as_image(letter())]), str(path))
    options = (path, '-o', tmp_path / 'out.mha', '--each-slice', '--box',
               *BOX)
    message = refused(*options)
    assert 'found 4-D with 2 volumes' in message and '0 to 1' in message
    assert 'channel' in message
    infer(*options, '--channel', 1)
    np.testing.assert_array_equal(values(tmp_path / 'out.mha'), letter())


def test_overlays(infer, scan, tmp_path):
    """An overlay is a sheet, a film of all slices, or a page with them."""
    options = scan, '-o', tmp_path / 'a.mha', '--box', *BOX, '--label', '<arm>'
    infer(*options, '--overlay', 'png')
    sheet = cv2.imread(str(tmp_path / 'a.overlay.png'))
    assert sheet.shape[1] > 1600 and sheet.std() > 10
    infer(*options, '--overlay', tmp_path / 'film.mp4')
    film = cv2.VideoCapture(str(tmp_path / 'film.mp4'))
    frames = []
    while (frame := film.read())[0]:
        frames.append(frame[1])
    slices = BOX[5] - BOX[2] + 1
    assert len(frames) == slices and frames[0].std() > 10
    assert np.abs(frames[0].astype(float) - frames[-1]).max() > 100
    infer(*options, '--overlay', 'html')
    page = (tmp_path / 'a.overlay.html').read_text()
    data = json.loads(re.search(
        r'<script type="application/json" id="data">(.*)</script>',
        page)[1])
    assert [one['number'] for one in data['slices']] == list(
        range(BOX[2], BOX[5] + 1))
    # The page opens at the slice that shows most of the object.
    areas = letter().sum(axis=(1, 2))[BOX[2]:]
    assert data['first'] == areas.argmax()
    assert data['objects'][0]['name'] == '<arm>' and '<arm>' not in page
    assert not re.search(r'(?:src|href)="http', page)


@pytest.mark.skipif(not SERIES.exists(), reason='no ../shared/data')
def test_a_dicom_series(infer, tmp_path):
    """highdicom and pydicom read the SEG on the series."""
    from highdicom.seg import segread
    from pydicom import dcmread
    infer(SERIES, '-o', tmp_path / 'a.seg.dcm', '--box', 100, 150, 0, 300, 400,
          2, '--window', 40, 400, '--label', 'bright',
          '--box', 100, 150, 1, 200, 400, 1)
    infer(SERIES, '-o', tmp_path / 'a.mha', '--box', 100, 150, 0, 300, 400, 2,
          '--window', 40, 400)
    found = segread(tmp_path / 'a.seg.dcm')
    volume = found.get_volume(combine_segments=False, dtype=np.uint8)
    assert found.get_segment_description(1).segment_label == 'bright'
    mask = values(tmp_path / 'a.mha')
    assert 100 < mask.sum() < mask.size / 2
    # highdicom's slices run against the axis; positions are the files'.
    positions = {float(content.ImagePositionPatient[2]): content
                 for content in map(dcmread, SERIES.iterdir())}
    for i, z in enumerate(sorted(positions)):
        index = round((z - volume.affine[2, 3]) / volume.affine[2, 0])
        np.testing.assert_array_equal(volume.array[index, ..., 0], mask[i])
        np.testing.assert_allclose(
            volume.affine[:2, 3],
            [float(x) for x in positions[z].ImagePositionPatient[:2]])


CSV = 'name,x0,y0,z0,x1,y1,z1\n'
BAD = [
    (['--box', 30, 0, 0, 32, 5, 5], 'expected x within the image, voxels 0 to '
     '31, found 32'),
    (['--box', 9, 0, 0, 5, 5, 5], 'expected x0 <= x1, found 9 and 5'),
    (['--box', 0, 0, 9, 5], 'expected x0 y0 z0 x1 y1 z1, found 4 numbers'),
    (['--box', 0, 0, 'a', 5, 5, 5], "--box: expected a number, found 'a'"),
    (['--box', 0, 0, 'nan', 5, 5, 5], "--box: expected a number, found 'nan'"),
    ([], 'prompts: expected --box, --boxes, --point or --prompt-mask, found '
     'none'),
    (['--point', 1, 2], '--point: expected x y z and maybe a label'),
    (['--point', 1, 2, 3, '--point', 1, 2, 4], 'expected points on one slice, '
     'found them on 3 and 4 along z'),
    (['--point', 1, 2, 3, 7], 'expected 1 (object), 0 (background)'),
    (['--prompt-mask', 'none.nii'], 'none.nii: no such file'),
    (['--box', *BOX, '--label', 'a', '--label', 'b'], '--label: expected at '
     'most 1 names'),
    (['--box', *BOX, '--box', *BOX, '--label', 'a', '--label', 'a'],
     'expected a name for each object, found a, a'),
    (['--box', *BOX, '--overlay', 'a.gif'], '--overlay a.gif: expected a file '
     'name that ends in .png, .jpg, .mp4, .html'),
    (['--box', *BOX, '--window', 'bones'], '--window: expected LEVEL WIDTH'),
    (['--box', *BOX, '--isotropic', 0], 'isotropic: expected a length > 0'),
]


@pytest.mark.parametrize('args, message', BAD)
def test_bad_prompts_and_options(refused, scan, tmp_path, args, message):
    assert message in refused(scan, '-o', tmp_path / 'out.nii.gz', *args)
    assert not list(tmp_path.glob('out*'))


@pytest.mark.parametrize('name, content, message', [
    ('b.csv', 'name,x,y\na,1,2\n', 'b.csv: expected the columns name, x0, y0, '
     'x1, y1 and maybe others'),
    ('b.csv', CSV.replace('\n', ',colour\n'), 'found name,'),
    ('b.csv', CSV + 'a,0,0,0,5,five,5\n', "b.csv: line 2: y1: expected a "
     "number, found 'five'"),
    ('b.csv', CSV + 'a,0,0,0,5,5\n', 'line 2: expected 7 values'),
    ('b.csv', CSV + ',0,0,0,5,5,5\n', 'line 2: expected a name, found none'),
    ('b.csv', CSV, 'expected at least one box, found none'),
    ('b.csv', CSV + 'a,0,0,0,5,5,5\na,0,0,0,5,5,5\n', "'a': expected one box "
     'in all or one for each'),
    ('b.csv', 'name,x0,y0,x1,y1,slice\na,0,0,5,5,99\n', 'expected z within '
     'the image'),
    ('b.json', '{"a": 1}', 'b.json: expected a list of objects'),
    ('b.json', '[{"name": "a", "box": [1, 2]}]', 'entry 1: box: expected 6 '
     'numbers'),
    ('b.json', '[{"name": "a", "box": [1, 2, 3, 4], "z": 1}]', 'entry 1: '
     'expected the keys name, box'),
    ('b.json', '[', 'b.json: not valid JSON'),
    ('b.txt', '', 'b.txt: expected boxes in a .csv or .json file'),
])
def test_bad_files_of_boxes(refused, scan, tmp_path, name, content, message):
    (tmp_path / name).write_text(content)
    assert message in refused(scan, '-o', tmp_path / 'out.nii.gz', '--boxes',
                              tmp_path / name)


def test_bad_outputs_are_found_before_the_work(refused, scan, tmp_path,
                                               bright):
    (tmp_path / 'file').write_text('')
    (tmp_path / 'folder.mha').mkdir()
    for out, message in (
            ('a.doc', 'a.doc: expected a file name that ends in '),
            ('file/a.mha', 'file/a.mha: expected a place to write to'),
            ('folder.mha', 'folder.mha: expected a file to write, found a '),
            ('scan.nii.gz', 'expected another file than the image'),
            ('a.png', 'expected one slice to write a PNG of, found 20'),
            ('a.dcm', 'expected a folder of a DICOM series')):
        assert message in refused(scan, '-o', tmp_path / out, '--box', *BOX)
    assert not bright.fake.encoded


def test_bad_images(refused, tmp_path):
    out = '-o', tmp_path / 'out.nii.gz'
    colours = np.random.default_rng(0).integers(0, 255, (20, 30, 3), np.uint8)
    Image.fromarray(colours).save(tmp_path / 'colour.png')
    Image.fromarray(colours[..., 0]).save(tmp_path / 'grey.png')
    for name, args, message in (
            ('none.nii', BOX, 'none.nii: no such file'),
            ('colour.png', (1, 1, 9, 9), 'expected one value a pixel for a '
             'model of CT images'),
            ('grey.png', (1, 1, 0, 9, 9, 0, '--units', 'mm'), 'expected px, '
             'as the image has no place in space, found mm')):
        assert message in refused(tmp_path / name, *out, '--box', *args)


@pytest.mark.parametrize('name, change', [
    ('m.png', lambda mask: mask * np.uint8(255)),
    ('m.png', lambda mask: np.stack([mask * np.uint8(255)] * 3, -1)),
    ('m.png', lambda mask: mask),
    ('m.png', lambda mask: cv2.GaussianBlur(mask * np.float32(255), (0, 0),
                                            .5).round().astype('u1')),
    ('m.tif', lambda mask: mask * np.uint16(65535)),
    ('m.jpg', lambda mask: mask * np.uint8(255))])
def test_pictures_as_prompt_masks(infer, tmp_path, name, change):
    """They are read as mmdbsam prepare reads them: as one label."""
    mask = letter().any(axis=0)
    Image.fromarray(mask * np.uint8(200)).save(tmp_path / 'a.png')
    Image.fromarray(change(mask)).save(tmp_path / name)
    infer(tmp_path / 'a.png', '-o', tmp_path / 'out.png', '--prompt-mask',
          tmp_path / name)
    row, = table(tmp_path / 'out.volumes.csv')
    assert row['label'] == '1'
    np.testing.assert_array_equal(np.asarray(Image.open(
        tmp_path / 'out.png')), mask)


def test_the_colours_of_a_prompt_mask(infer, tmp_path):
    mask = np.zeros((24, 32, 3), np.uint8)
    mask[2:9, 3:20, 0] = mask[12:20, 3:20, 1] = 255
    Image.fromarray(np.where(mask.any(-1), 200, 0).astype('u1')).save(
        tmp_path / 'a.png')
    Image.fromarray(mask).save(tmp_path / 'm.png')
    infer(tmp_path / 'a.png', '-o', tmp_path / 'out.png', '--prompt-mask',
          tmp_path / 'm.png')
    assert {row['name'] for row in table(tmp_path / 'out.volumes.csv')} == {
        '#ff0000', '#00ff00'}


@pytest.mark.parametrize('suffix', ['nii.gz', 'seg.nrrd', 'nrrd', 'mha'])
def test_results_are_prompts(infer, scan, tmp_path, suffix):
    """The masks of a folder may have any of the tool's own formats."""
    scans, masks = tmp_path / 'scans', tmp_path / 'masks'
    scans.mkdir()
    (scans / 'c.nii.gz').write_bytes(scan.read_bytes())
    sitk.WriteImage(sitk.Cast(as_image(letter()) > 0, sitk.sitkUInt8),
                    str(tmp_path / 'drawn.nii'))
    infer(scan, '-o', masks / f'c.{suffix}', '--prompt-mask',
          tmp_path / 'drawn.nii', '--label', 'arm', '--overlay', 'png')
    infer(scans, '-o', tmp_path / 'out', '--prompt-mask', masks)
    row, = table(tmp_path / 'out/volumes.csv')
    assert row['name'] == ('arm' if 'nrrd' in suffix else 'label 1')
    np.testing.assert_array_equal(values(tmp_path / 'out/c.nii.gz'),
                                  letter())


@pytest.mark.parametrize('name', ['arm', 'a' * 300, 'Gr\u00f6\u00dfe' * 99])
def test_separate_results_are_prompts(infer, scan, tmp_path, name):
    """Each file is an object, also one whose name no file could have."""
    scans, masks = tmp_path / 'scans', tmp_path / 'masks'
    scans.mkdir()
    (scans / 'c.nii.gz').write_bytes(scan.read_bytes())
    box = list(map(str, BOX))
    infer(scan, '-o', masks / 'c.nii.gz', '--separate', '--box', *box,
          '--label', name, '--box', *box, '--label', 'other')
    infer(scans, '-o', tmp_path / 'out', '--prompt-mask', masks)
    rows = table(tmp_path / 'out/volumes.csv')
    assert [row['name'] for row in rows] == [name[:40], 'other']
    assert len({row['voxels'] for row in rows}) == 1 and rows[0]['voxels']


@pytest.mark.parametrize('spell', [
    '{:.3e}', '{:.3E}', '{:f}', '{:+f}', '{:g}', '{:.1f}e0'])
def test_coordinates_in_any_notation(infer, scan, tmp_path, spell):
    """Negative ones too, which are no options."""
    image = sitk.ReadImage(str(scan))
    image.SetOrigin((-1000, -2000, -3000))
    image.SetDirection(np.eye(3).ravel())
    sitk.WriteImage(image, str(scan))
    spacing = np.tile(image.GetSpacing(), 2)
    corners = np.array(BOX) * spacing + [-1000, -2000, -3000] * 2
    # Each corner may be off by less than half a voxel.
    words = [spell.format(x) for x in np.round(corners)]
    infer(scan, '-o', tmp_path / 'a.nii', '--units', 'mm', '--box', *words)
    assert values(tmp_path / 'a.nii').any()
    infer(scan, '-o', tmp_path / 'b.nii', '--units', 'mm', '--box',
          *words, '--window', '-1.5e1', '4E2')
    infer(scan, '-o', tmp_path / 'c.nii', '--units', 'mm', '--point',
          *(spell.format(x) for x in (-994.4, -1993.7, -2987.5)))
    assert values(tmp_path / 'c.nii').any()


def test_coordinates_that_are_no_places(refused, scan, tmp_path):
    for word in ('-inf', '-NaN'):
        assert f"--box: expected a number, found '{word.lower()}'" in refused(
            scan, '-o', tmp_path / 'a.nii', '--box', word, *BOX[1:]).lower()
    assert "--box: expected a number, found '−5'" in refused(
        scan, '-o', tmp_path / 'a.nii', '--box', '−5', *BOX[1:])
