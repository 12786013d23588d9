"""tools/infer.py segments the images of a folder."""

import json
import re

import numpy as np
import pytest
import SimpleITK as sitk
from letter_volumes import as_image, box_of, letter
from written_files import table, values

BOX = box_of(letter())
CSV = 'name,x0,y0,z0,x1,y1,z1\n'


@pytest.fixture
def batch(scan, tmp_path):
    """A folder of three images, of which one is damaged, and their boxes."""
    folder = tmp_path / 'scans'
    folder.mkdir()
    for name in ('a.nii.gz', 'b.mha', 'c.nrrd'):
        sitk.WriteImage(as_image(letter()), str(folder / name))
    whole = (folder / 'b.mha').read_bytes()
    (folder / 'b.mha').write_bytes(whole[:-500])
    (folder / 'readme.txt').write_text('no image')
    boxes = tmp_path / 'boxes.csv'
    boxes.write_text('image,' + CSV + ''.join(
        f'{name},arm,{",".join(map(str, BOX))}\n'
        for name in ('a', 'b.mha', 'c')))
    return folder, boxes, whole


def test_a_batch_goes_on(infer, refused, batch, tmp_path, capsys, bright):
    folder, boxes, whole = batch
    out = tmp_path / 'out'
    args = (folder, '-o', out, '--each-slice', '--boxes', boxes,
            '--overlay', 'png')
    assert refused(*args).startswith('error: 1 of 3 images left out')
    printed = capsys.readouterr()
    assert "problem: 'b' left out: " in printed.err
    assert '2 images segmented, 0 kept from before' in printed.out
    for file in ('a.nii.gz', 'c.seg.nrrd'):
        np.testing.assert_array_equal(values(out / file), letter())
    assert (out / 'c.overlay.png').exists()
    assert [row['image'] for row in table(out / 'volumes.csv')] == ['a', 'c']
    # Only the missing image is segmented.
    (folder / 'b.mha').write_bytes(whole)
    bright.fake.encoded.clear()
    infer(*args)
    assert len(bright.fake.encoded) == BOX[5] - BOX[2] + 1
    assert '1 images segmented, 2 kept' in capsys.readouterr().out
    rows = table(out / 'volumes.csv')
    assert [row['image'] for row in rows] == ['a', 'b', 'c']
    assert all(float(row['volume_ml']) > 0 for row in rows)
    # An image whose prompts changed is segmented again.
    boxes.write_text(boxes.read_text().replace('c,arm', 'c,leg'))
    infer(*args)
    assert '1 images segmented, 2 kept' in capsys.readouterr().out
    assert [row['name'] for row in table(out / 'volumes.csv')] == [
        'arm', 'arm', 'leg']


def test_a_damaged_result_is_made_again(infer, batch, tmp_path, capsys,
                                        bright):
    folder, boxes, whole = batch
    (folder / 'b.mha').write_bytes(whole)
    args = folder, '-o', tmp_path / 'out', '--boxes', boxes
    infer(*args)
    result = tmp_path / 'out/a.nii.gz'
    before = result.read_bytes()
    result.write_bytes(before[:-9])
    (tmp_path / 'out/b.labels.json').write_text('[]')
    infer(*args)
    assert '2 images segmented, 1 kept' in capsys.readouterr().out
    assert result.read_bytes() == before
    infer(*args)
    assert '0 images segmented, 3 kept' in capsys.readouterr().out


def test_shards_of_a_batch_are_the_batch(infer, refused, batch, tmp_path,
                                         capsys, bright):
    folder, boxes, whole = batch
    (folder / 'b.mha').write_bytes(whole)
    words = (folder, '--boxes', boxes)
    infer(*words, '-o', tmp_path / 'alone')
    for place, names in ((1, ['a', 'c']), (2, ['b'])):
        infer(*words, '-o', tmp_path / 'out', '--shard', f'{place}/2')
        assert [row['image'] for row in table(
            tmp_path / f'out/volumes.{place}-of-2.csv')] == names
    encoded = len(bright.fake.encoded)
    infer(*words, '-o', tmp_path / 'out')
    assert len(bright.fake.encoded) == encoded
    assert (tmp_path / 'out/volumes.csv').read_bytes() == (
        tmp_path / 'alone/volumes.csv').read_bytes()
    assert 'expected at least as many images as shards, found 3' in refused(
        *words, '-o', tmp_path / 'out', '--shard', '1/4')
    assert '--shard: expected a folder of images' in refused(
        folder / 'a.nii.gz', '-o', tmp_path / 'a.nrrd', '--box', *BOX,
        '--shard', '1/2')


def test_a_batch_with_a_folder_of_masks(infer, batch, tmp_path, capsys):
    folder, _, whole = batch
    (folder / 'b.mha').write_bytes(whole)
    (tmp_path / 'masks').mkdir()
    for name in 'abc':
        sitk.WriteImage(sitk.Cast(as_image(letter()) > 0, sitk.sitkUInt8),
                        str(tmp_path / f'masks/{name}.mha'))
    infer(folder, '-o', tmp_path / 'out', '--prompt-mask', tmp_path / 'masks')
    printed = capsys.readouterr().out
    assert '3 images segmented' in printed
    cases = [json.loads((tmp_path / f'out/{name}.labels.json').read_text())[
        'timing']['seconds_per_case'] for name in 'abc']
    assert printed.count('s for the case') == 3
    total = re.search(r'^time: ([\d.]+) s, [\d.]+ s a case$', printed,
                      re.MULTILINE)
    assert float(total[1]) == pytest.approx(sum(cases), abs=0.06)
    np.testing.assert_array_equal(values(tmp_path / 'out/b.mha'), letter())
    # Several masks of an image are its objects.
    upper = letter() & (np.arange(20) < 6)[:, None, None]
    for name, mask in (('b_mask', upper), ('b_mask (1)', letter() & ~upper)):
        sitk.WriteImage(sitk.Cast(sitk.Mask(
            as_image(letter()), as_image(mask)) > 0, sitk.sitkUInt8),
            str(tmp_path / f'masks/{name}.mha'))
    (tmp_path / 'masks/b.mha').unlink()
    infer(folder, '-o', tmp_path / 'out', '--prompt-mask', tmp_path / 'masks')
    found = values(tmp_path / 'out/b.mha')
    np.testing.assert_array_equal(found > 0, letter())
    assert {*np.unique(found)} == {0, 1, 2}


def test_bad_batches(refused, batch, tmp_path):
    folder, boxes, _ = batch
    assert 'expected a folder for the results' in refused(
        folder, '-o', tmp_path / 'out.nii.gz', '--boxes', boxes)
    assert '--overlay a.png: expected one of png, jpg, mp4, html' in refused(
        folder, '-o', tmp_path / 'out', '--boxes', boxes, '--overlay', 'a.png')
    (tmp_path / 'empty').mkdir()
    assert 'empty: expected images, found no' in refused(
        tmp_path / 'empty', '-o', tmp_path / 'out', '--boxes', boxes)
    boxes.write_text(boxes.read_text() + 'd,arm,0,0,0,1,1,1\n')
    assert "boxes.csv: line 5: image 'd': expected the name of an image" in (
        refused(folder, '-o', tmp_path / 'out', '--boxes', boxes))
    sitk.WriteImage(as_image(letter()), str(folder / 'a.mha'))
    assert 'expected images of different names, found a.mha and a.nii.gz' in (
        refused(folder, '-o', tmp_path / 'out', '--boxes', boxes))
