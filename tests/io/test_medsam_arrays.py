"""MedSAM's and DB-SAM's numpy files."""

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
from synthetic import KEEP_ALL

from mmdbsam.errors import InputError
from mmdbsam.io.readers import Readers
from mmdbsam.preparation import (
    LabelFile,
    SourceCase,
    SplitPlan,
    find_tasks,
    prepare_dataset,
    read_case,
)

RNG = np.random.default_rng(0)
IMGS = RNG.integers(0, 256, (5, 12, 16), np.uint8)
RGB = RNG.integers(0, 256, (5, 12, 16, 3), np.uint8)
GTS = np.zeros((5, 12, 16), np.uint8)
GTS[1:4, 2:6, 3:9], GTS[2, 8:, 4:] = 1, 9
ALL_TEST = SplitPlan('case', (0, 0, 1))


def save(path, *array, **arrays):
    path.parent.mkdir(parents=True, exist_ok=True)
    if array:
        np.save(path, *array, allow_pickle=True)
    else:
        np.savez_compressed(path, **arrays)
    return path


def read(image, label=None):
    return read_case(SourceCase('a', image, (LabelFile(label or image), )),
                     KEEP_ALL)


def refused(path, label=None):
    """The one-line message about a file, after its name."""
    with pytest.raises(InputError, match=r'^.*$') as error:
        read(path, label)
    message = str(error.value)
    assert message.startswith(f'{label or path}: ')
    return message[len(f'{label or path}: '):]


@pytest.mark.parametrize('imgs, gts, wanted', [
    (IMGS, GTS, IMGS), (RGB, GTS, RGB),
    (np.stack([IMGS] * 3, -1), GTS, IMGS),
    (IMGS[2], GTS[2], IMGS[2:3]), (RGB[2], GTS[2], RGB[2:3]),
    (np.stack([IMGS[2]] * 3, -1), GTS[2], IMGS[2:3]),
    # Three columns are no channels where gts has them too.
    (IMGS[..., 3:6], GTS[..., 3:6], IMGS[..., 3:6])])
def test_archives(tmp_path, imgs, gts, wanted):
    path = save(tmp_path / 'in/CT a.b.npz', imgs=imgs, gts=gts)
    case = read(path)
    np.testing.assert_array_equal(case.image, wanted)
    np.testing.assert_array_equal(case.layers[0].squeeze(), gts)
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST,
                           options=KEEP_ALL).data
    assert data.labels == {1: 'label_1', 9: 'label_9'}
    found, = data.cases
    assert found.name == 'CT a.b' and found.spacing == (1, 1, 1)
    # Images of 8 bits stay as they are.
    np.testing.assert_array_equal(found.image(), wanted)
    np.testing.assert_array_equal(
        found.areas().sum(axis=0), [(gts == 1).sum(), (gts == 9).sum()])


def test_spacing_and_names(tmp_path):
    """MedSAM writes SimpleITK's order (x, y, z), as a tuple."""
    save(tmp_path / 'in/a.npz', imgs=IMGS, gts=GTS, spacing=(.5, .75, 2.5))
    (tmp_path / 'in/labels.csv').write_text('id,name\n1,liver\n9,aorta\n')
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST,
                           options=KEEP_ALL).data
    assert data.cases[0].spacing == (2.5, .75, .5)
    assert data.labels == {1: 'liver', 9: 'aorta'}


@pytest.mark.parametrize('dtype', [bool, '<u2', '>u2', '>i4', 'u8', 'f2',
                                   '>f8'])
def test_labels_of_any_number_type(tmp_path, dtype):
    gts = (GTS > 0 if dtype is bool else GTS).astype(dtype)
    path = save(tmp_path / 'a.npz', imgs=IMGS, gts=gts)
    np.testing.assert_array_equal(read(path).layers[0], gts)


@pytest.mark.parametrize('dtype', ['f2', 'f4', '>f8', 'u1'])
def test_npy_pairs_of_medsam(tmp_path, dtype):
    """Slices of one case are one group; floats in 0..1 become 8 bits."""
    for case in 'abc':
        for z in range(5):
            name = f'CT_{case}-{z:03d}.npy'
            image = RGB[z].astype(dtype) / (1 if dtype == 'u1' else 255)
            save(tmp_path / 'in/imgs' / name, image.astype(dtype))
            save(tmp_path / 'in/gts' / name, GTS[1])
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                           options=KEEP_ALL).data
    assert len(data.cases) == 15
    for case in data.cases:
        z = int(case.name[-3:])
        np.testing.assert_array_equal(case.image()[0], RGB[z])
        np.testing.assert_array_equal(case.label()[0, 0], GTS[1])
    records = json.loads((tmp_path / 'out/dataset.json').read_text())['cases']
    assert {(record['name'][:-4], record['group']) for record in records} == {
        (f'CT_{case}', f'CT_{case}') for case in 'abc'}
    assert {len({case.name[:-4] for case, _, _ in data.blocks(split)})
            for split in ('train', 'val', 'test')} == {1}


def test_pairs_of_db_sams_release(tmp_path):
    for z in range(5):
        save(tmp_path / f'in/npy_images/MR_a-{z:03d}.npz', img=RGB[z])
        save(tmp_path / f'in/npy_gts/MR_a-{z:03d}.npy', GTS[1])
    assert find_tasks(tmp_path / 'in') == []
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out', plan=ALL_TEST,
                           options=KEEP_ALL).data
    for z, case in enumerate(data.cases):
        np.testing.assert_array_equal(case.image()[0], RGB[z])
        np.testing.assert_array_equal(case.label()[0, 0], GTS[1])


def test_geometry_needs_no_pixels(tmp_path, monkeypatch):
    paths = [save(tmp_path / 'a.npz', imgs=RGB, gts=GTS),
             save(tmp_path / 'b.npz', img=RGB[0]),
             save(tmp_path / 'c.npy', np.asfortranarray(IMGS[0] / 255))]
    reader = Readers().find(paths[0])
    sizes = [list(reader.read(path).GetSize()) for path in paths]
    assert sizes == [[16, 12, 5], [16, 12, 1], [16, 12, 1]]
    monkeypatch.setattr(np, 'load', None)
    assert [reader.geometry(path)['size'] for path in paths] == sizes


@pytest.mark.parametrize('arrays, message', [
    (dict(gts=GTS), 'expected imgs or img, found gts'),
    (dict(), 'expected imgs or img, found nothing'),
    (dict(imgs=IMGS), 'expected gts, found imgs'),
    (dict(imgs=IMGS, gts=GTS[1:]), 'gts: expected the shape of imgs, '
     '(5, 12, 16), maybe without three channels, found (4, 12, 16)'),
    (dict(imgs=RGB, gts=RGB), 'imgs: expected the shape (D, H, W) or (H, W), '
     'maybe with three channels, found (5, 12, 16, 3)'),
    (dict(imgs=RGB[..., :2], gts=GTS), 'gts: expected the shape of imgs, '),
    (dict(imgs=np.uint8(3)), 'imgs: expected the shape (D, H, W) or '),
    (dict(imgs=IMGS[:0], gts=GTS[:0]), 'imgs: expected the shape (D, H, W) '),
    (dict(imgs=IMGS.astype('i2'), gts=GTS), 'imgs: expected an image of 8 '
     'bits or of floats in 0..1, found int16'),
    (dict(imgs=IMGS / 100, gts=GTS), 'imgs: expected floats in 0..1, found '),
    (dict(imgs=IMGS * np.nan, gts=GTS), 'imgs: expected floats in 0..1, '),
    (dict(imgs=IMGS * 0 + 7, gts=GTS), 'expected intensities that differ'),
    (dict(imgs=IMGS, gts=GTS.astype(str)), 'gts: expected label ids of the '),
    (dict(imgs=IMGS, gts=GTS.astype('g')), 'gts: expected label ids of the '),
    (dict(imgs=IMGS, gts=GTS / 2), 'expected whole numbers as label ids, '),
    (dict(imgs=IMGS, gts=GTS.astype(object)), 'gts: expected numbers, found '
     'Python objects'),
    (dict(imgs=IMGS.astype(object), gts=GTS), 'imgs: expected numbers, '),
    (dict(imgs=IMGS, gts=GTS, spacing=(1, 2)), 'spacing: expected three '),
    (dict(imgs=IMGS, gts=GTS, spacing=(1, 2, 0)), 'spacing: expected three '),
    (dict(imgs=IMGS, gts=GTS, spacing='abc'), 'spacing: expected three '),
])
def test_bad_archives_are_refused(tmp_path, arrays, message):
    found = refused(save(tmp_path / 'a b.npz', **arrays))
    assert found.startswith(message)


def test_bad_npy_are_refused(tmp_path):
    image = save(tmp_path / 'a.npy', IMGS[0])
    label = save(tmp_path / 'b.npy', GTS[2])
    read(image, label)
    assert refused(image, save(tmp_path / 'c.npy', GTS[2, 1:])) == (
        'expected the size of its image, (16, 12, 1), found (16, 11, 1)')
    assert refused(image, save(tmp_path / 'd.npy', GTS[None])).startswith(
        'expected label ids of the shape (D, H, W) or (H, W), found uint8 of')
    label.write_bytes(label.read_bytes()[:-9])
    assert refused(image, label).startswith('expected an intact array, found')
    label.write_bytes(b'no array')
    assert refused(image, label).startswith('expected intact arrays of numpy')
    assert 'unsafe' not in refused(image, label)
    image.write_bytes(b'')
    assert refused(image).startswith('expected intact arrays of numpy, found')


class Harm:
    """An object whose unpickling runs code."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path, )


def test_nothing_is_executed(tmp_path):
    objects = np.array([[Harm(tmp_path / 'harm')] * 2] * 2, object)
    assert refused(save(tmp_path / 'a.npz', imgs=objects, gts=objects)
                   ).endswith('expected numbers, found Python objects')
    assert refused(save(tmp_path / 'a.npy', objects)).endswith(
        'expected numbers, found Python objects')
    assert not (tmp_path / 'harm').exists()


def test_damaged_archives_are_refused_and_others_kept(tmp_path):
    """Whichever byte is damaged, the run goes on."""
    whole = save(tmp_path / 'in/whole.npz', imgs=IMGS, gts=GTS).read_bytes()
    (tmp_path / 'in/short.npz').write_bytes(whole[:-20])
    (tmp_path / 'in/text.npz').write_bytes(b'no archive')
    (tmp_path / 'in/._whole.npz').write_bytes(b'of macOS')
    with zipfile.ZipFile(tmp_path / 'in/whole.npz') as archive:
        end = archive.start_dir
    for place in range(30, end, 41):
        damaged = bytearray(whole)
        damaged[place] ^= 16
        (tmp_path / f'in/{place}.npz').write_bytes(damaged)
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL, plan=ALL_TEST)
    assert 'whole' in prepared.written
    assert {'short', 'text'} < prepared.problems.keys()
    for name, message in prepared.problems.items():
        assert message.startswith(f'{tmp_path}/in/{name}.npz: ')
        assert '\n' not in message
    for case in prepared.data.cases:
        np.testing.assert_array_equal(case.image(), IMGS)
        np.testing.assert_array_equal(case.label()[0], GTS)


def test_tasks_of_a_benchmark(tmp_path):
    root = tmp_path / 'in'
    names = ['01-MR-T1_Brain_Ventricle', '17-CT_Lungs', '22-2D-Images']
    for name in names:
        save(root / name / 'x.npz', imgs=RGB, gts=GTS // 9)
    (root / '.cache').mkdir()
    (root / 'readme.txt').write_text('')
    assert find_tasks(root) == [root / name for name in names]
    data = prepare_dataset(root / names[1], tmp_path / 'out', plan=ALL_TEST,
                           options=KEEP_ALL).data
    assert data.labels == {1: 'label_1'}
    np.testing.assert_array_equal(data.cases[0].image(), RGB)
    (root / '30-empty').mkdir()
    with pytest.raises(InputError, match='30-empty: expected .npz files, as '):
        find_tasks(root)


def test_other_sources_have_no_tasks(tmp_path):
    save(tmp_path / 'pairs/images/a.npz', img=RGB[0])
    save(tmp_path / 'pairs/labels/a.npz', gts=GTS[0])
    save(tmp_path / 'flat/a.npz', imgs=RGB, gts=GTS)
    save(tmp_path / 'flat/more/a.npz', imgs=RGB, gts=GTS)
    for name in ('pairs', 'flat', 'flat/a.npz', 'none'):
        assert find_tasks(tmp_path / name) == []
