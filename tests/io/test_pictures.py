"""Pictures and masks: PNG, JPEG, TIFF and BMP."""

import struct
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
import torch
from PIL import Image
from synthetic import KEEP_ALL

from mmdbsam.datasets import PromptSliceDataset
from mmdbsam.errors import InputError
from mmdbsam.io.readers import Readers
from mmdbsam.preparation import (
    LabelFile,
    SourceCase,
    SplitPlan,
    prepare_dataset,
    read_case,
)

SHARED = Path(__file__).parents[3] / 'shared/data/png_ct'
RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (12, 16), np.uint8)
RGB = RNG.integers(0, 256, (12, 16, 3), np.uint8)
IDS = np.zeros((12, 16), np.uint8)
IDS[2:5, 3:9], IDS[7:, :4] = 1, 7
ALL_TEST = SplitPlan('case', (0, 0, 1))


def save(path, values, mode=None, **options):
    """Write a picture of values, or raw bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(values, bytes):
        path.write_bytes(values)
    else:
        image = Image.fromarray(values)
        image.convert(mode or image.mode).save(path, **options)
    return path


def read(root, image=GREY, mask=IDS, image_name='a.png', mask_name='m.png',
         **options):
    """The case of a picture and its mask."""
    return read_case(SourceCase(
        'a', save(root / image_name, image, **options),
        (LabelFile(save(root / mask_name, mask)), )), KEEP_ALL)


def ids_of(case):
    assert len(case.layers) == 1
    return case.layers[0][0]


def refused(call, *args, **kwargs):
    """The one line of an error message."""
    with pytest.raises(InputError, match=r'^.*$') as error:
        call(*args, **kwargs)
    return str(error.value)


def tiff(values, order, photometric=1):
    """The bytes of a hand-made grey TIFF, in byte order ``'<'`` or ``'>'``."""
    data = values.astype(values.dtype.newbyteorder(order)).tobytes()
    height, width = values.shape
    form = {'u': 1, 'i': 2, 'f': 3}[values.dtype.kind]
    tags = {256: width, 257: height, 258: 8 * values.dtype.itemsize, 259: 1,
            262: photometric, 273: 8, 277: 1, 278: height, 279: len(data),
            339: form}
    start = b'II*\0' if order == '<' else b'MM\0*'
    short = [struct.pack(order + 'HHIHH', tag, 3, 1, value, 0)
             for tag, value in tags.items()]
    return b''.join([start, struct.pack(order + 'I', 8 + len(data)), data,
                     struct.pack(order + 'H', len(tags)), *short, bytes(4)])


@pytest.mark.skipif(not SHARED.exists(), reason='no ../shared/data')
def test_real_slices_and_a_mask_for_each_object(tmp_path):
    data = prepare_dataset(SHARED, tmp_path / 'out', options=KEEP_ALL).data
    masks = {path.stem: np.asarray(Image.open(path)) > 0
             for path in (SHARED / 'masks').iterdir()}
    assert [case.name for case in data.cases] == [
        'amos_0004_75', 's0114_111', 's0619_32']
    assert {'aorta', 'liver', 'vertebrae_T9', 'hip_left', 'hip_left 2'} < set(
        data.labels.values())
    seen = 0
    for case in data.cases:
        path = SHARED / f'images/{case.name}.png'
        pixels = np.asarray(Image.open(path).convert('RGB'))
        image = case.image()[0]
        np.testing.assert_array_equal(
            image if image.ndim == 3 else np.stack([image] * 3, -1), pixels)
        shown = {data.labels[i]: i for i in case.own_labels}
        areas = dict(zip(data.labels, case.areas()[0], strict=True))
        for name, mask in masks.items():
            if not name.startswith(case.name):
                continue
            structure, number = name[len(case.name) + 1:].rsplit('_', 1)
            key = structure + (f' {int(number) + 1}' if int(number) else '')
            np.testing.assert_array_equal(case.mask(shown[key], 0, 1)[0], mask)
            assert areas[shown[key]] == mask.sum() > 0
            seen += 1
    assert seen == len(masks) == sum(len(c.own_labels) for c in data.cases)


# Pillow knows no '>u4'.
@pytest.mark.parametrize('kind', ['<u2', '>u2', '<i2', '>i2', '<u4', '<i4',
                                  '>i4', '<f4', '>f4'])
def test_deep_grey_is_read_as_it_is(tmp_path, kind):
    """Values at both ends of the type's range are included."""
    order, kind = kind[0], kind[1:]
    if kind == 'f4':
        values = RNG.normal(size=(12, 16)).astype(kind) * 1e6
    else:
        limits = np.iinfo(kind)
        values = RNG.integers(limits.min, limits.max, (12, 16), kind, True)
        values[0, :2] = limits.min, limits.max
    case = read(tmp_path, tiff(values, order), image_name='a.tiff')
    np.testing.assert_array_equal(case.image[0].astype('f8'),
                                  values.astype('f8'))
    assert case.modality == 'picture'
    assert case.geometry['size'] == [16, 12, 1]


def test_sixteen_bits_become_eight_by_percentiles(tmp_path):
    values = np.linspace(1, 65535, 192).astype(np.uint16).reshape(12, 16)
    save(tmp_path / 'in/images/a.png', values)
    save(tmp_path / 'in/images/b.tif', values, compression='tiff_lzw')
    for name in 'ab':
        save(tmp_path / f'in/labels/{name}.png', IDS)
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                           options=KEEP_ALL, plan=ALL_TEST).data
    for case in data.cases:
        # The window is linear, except at its ends.
        np.testing.assert_allclose(case.image().ravel(),
                                   np.arange(192) / 191 * 255, atol=2)


def test_kinds_of_images(tmp_path):
    """Each kind is read as a viewer shows it."""
    def found(image, **options):
        return read(tmp_path, image, **options).image[0]

    np.testing.assert_array_equal(found(GREY), GREY)
    np.testing.assert_array_equal(found(GREY, image_name='a.bmp'), GREY)
    np.testing.assert_array_equal(found(RGB), RGB)
    np.testing.assert_array_equal(found(np.stack([GREY] * 3, -1)), GREY)
    np.testing.assert_array_equal(found(IDS > 0), (IDS > 0) * 255)
    few = RGB // 128 * 255
    Image.fromarray(few).quantize(8).save(tmp_path / 'p.png')
    np.testing.assert_array_equal(
        found((tmp_path / 'p.png').read_bytes()), few)
    opaque = np.dstack([RGB, np.full((12, 16), 255, np.uint8)])
    np.testing.assert_array_equal(found(opaque), RGB)
    np.testing.assert_array_equal(found(opaque[..., [0, 3]]), RGB[..., 0])


@pytest.mark.parametrize('orientation, turn', [
    (1, lambda x: x), (3, lambda x: np.rot90(x, 2)),
    (5, lambda x: x.swapaxes(0, 1)), (6, lambda x: np.rot90(x, -1)),
    (8, lambda x: np.rot90(x))])
@pytest.mark.parametrize('name, image', [
    ('a.jpg', RGB), ('a.png', RGB), ('a.tif', RGB), ('a.tif', GREY)])
def test_photographs_are_turned_upright(tmp_path, orientation, turn, name,
                                        image):
    """The mask lies on the image as it is seen."""
    plain = save(tmp_path / f'plain/{name}', image)
    exif = Image.Exif()
    exif[0x0112] = orientation
    case = read(tmp_path, image, turn(IDS), image_name=name, exif=exif)
    np.testing.assert_array_equal(case.image[0],
                                  turn(np.asarray(Image.open(plain))))
    np.testing.assert_array_equal(ids_of(case), turn(IDS))


@pytest.mark.parametrize('mask, wanted', [
    (IDS, IDS), (IDS.astype(np.uint16) * 5000, IDS.astype(np.uint16) * 5000),
    (IDS > 0, IDS > 0), ((IDS > 0) * np.uint8(255), IDS > 0),
    ((IDS > 0) * np.uint8(1), IDS > 0),
    (np.full_like(IDS, 255), np.ones_like(IDS)),
    (np.stack([IDS] * 3, -1), IDS),
    (np.stack([(IDS > 0) * np.uint8(255)] * 3, -1), IDS > 0),
    ((IDS > 0) * np.uint8(128), (IDS > 0) * 128)])
def test_grey_masks(tmp_path, mask, wanted):
    np.testing.assert_array_equal(ids_of(read(tmp_path, mask=mask)), wanted)


@pytest.mark.parametrize('name', ['m.png', 'm.tif', 'm.bmp'])
@pytest.mark.parametrize('ids', [IDS, np.where(IDS, 255, 0).astype('u1')])
def test_a_palette_mask_is_its_indices(tmp_path, name, ids):
    """The colours do not matter, even where two are the same."""
    mask = Image.fromarray(ids, 'L')
    mask.putpalette(RNG.integers(0, 3, 768, np.uint8).tobytes())
    assert mask.mode == 'P'
    mask.save(tmp_path / name)
    case = read(tmp_path, mask=(tmp_path / name).read_bytes(), mask_name=name)
    np.testing.assert_array_equal(ids_of(case), ids)


def test_a_colour_has_one_id_in_all_images(tmp_path):
    """Black is no label; without black, no pixel is background."""
    red, green, blue, black = (255, 0, 0), (0, 255, 0), (0, 0, 9), (0, 0, 0)
    shown = dict(a=[black, red, green], b=[black, green, blue],
                 c=[green, red, blue])
    for name, colours in shown.items():
        mask = np.zeros((12, 16, 3), np.uint8)
        mask[IDS == 0], mask[IDS == 1], mask[IDS == 7] = colours
        save(tmp_path / f'in/images/{name}.jpg', RGB)
        save(tmp_path / f'in/masks/{name}.png', mask)
    data = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                           options=KEEP_ALL).data
    ids = {name: i for i, name in data.labels.items()}
    assert ids.keys() == {'#ff0000', '#00ff00', '#000009'}
    for case in data.cases:
        for colour, value in zip(shown[case.name], (0, 1, 7), strict=True):
            label_id = ids.get(f'#{bytes(colour).hex()}', 0)
            found = case.mask(label_id, 0, 1)[0]
            np.testing.assert_array_equal(found, IDS == value)
            if colour != black:
                column = list(data.labels).index(label_id)
                assert case.areas()[0, column] == found.sum()


@pytest.mark.parametrize('mode', ['L', 'RGB'])
def test_jpeg_masks_hold_one_label(tmp_path, mode):
    y, x = np.mgrid[:90, :120]
    disc = (y - 40)**2 + (x - 60)**2 < 30**2
    grey = RNG.integers(0, 256, disc.shape, np.uint8)
    path = save(tmp_path / 'm.jpg', disc * np.uint8(255), mode, quality=80)
    assert len(np.unique(np.asarray(Image.open(path)))) > 2
    jpeg = path.read_bytes()
    # A name that hides the kind of file changes nothing.
    for name in ('m.jpg', 'm.png'):
        case = read(tmp_path, grey, jpeg, mask_name=name)
        np.testing.assert_array_equal(ids_of(case), disc)


@pytest.mark.parametrize('values, found', [
    (IDS, 'other values'), (IDS * 30, 'other values'), (RGB, 'colours')])
def test_other_jpeg_masks_are_refused(tmp_path, values, found):
    jpeg = save(tmp_path / 'm.jpg', values, quality=100).read_bytes()
    message = refused(read, tmp_path, mask=jpeg, mask_name='m.jpg')
    assert message == (
        f'{tmp_path}/m.jpg: expected a JPEG mask to be white on black, found '
        f'{found}; JPEG changes values, so give the mask as PNG')


def bad_images(root):
    """The names of unreadable pictures, their contents, and the reasons."""
    def encoded(values, kind, **options):
        return save(root / 'raw', values, format=kind, **options).read_bytes()

    png, jpeg = encoded(RGB, 'PNG'), encoded(RGB, 'JPEG')
    flipped = bytearray(png)
    flipped[len(png) // 2] ^= 1
    hole = np.dstack([RGB, np.full((12, 16), 255, np.uint8)])
    hole[3, 4, 3] = 254
    deep = sitk.GetImageFromArray(RGB.astype(np.uint16), isVector=True)
    for name in ('16.png', '16.tif'):
        sitk.WriteImage(deep, str(root / name))
    several = 'expected 8 bits a channel where there are several, found 16'
    return [
        ('a.tif', encoded(GREY, 'TIFF', save_all=True,
                          append_images=[Image.fromarray(GREY)]),
         'expected one page, found 2'),
        ('b.png', encoded(RGB, 'GIF'), 'expected an intact PNG, JPEG, TIFF'),
        ('c.jpg', b'', 'expected an intact PNG, JPEG, TIFF'),
        ('d.png', png[:-40], 'expected an intact image, found: '),
        ('e.png', bytes(flipped), 'expected an intact image, found: '),
        ('f.jpg', jpeg[:-40], 'expected an intact image, found: '),
        ('g.tif', tiff(GREY, '<')[:100], 'expected an intact '),
        ('h.tif', tiff(GREY / 7, '<'), 'expected an intact PNG, JPEG, TIFF'),
        ('i.tif', tiff(GREY.astype('i1'), '<'), 'expected values without a s'),
        ('j.tif', tiff(GREY.astype('u2'), '<', 0), 'expected black as the lo'),
        ('k.png', (root / '16.png').read_bytes(), several),
        ('l.tif', (root / '16.tif').read_bytes(), several),
        ('m.jpg', encoded(RGB, 'JPEG', mode='CMYK'), 'found the mode CMYK'),
        # As masks they are refused for other reasons, or accepted.
        ('x.png', hole, 'an opaque image, found pixels that are transparent'),
        ('y.png', np.full_like(GREY, 7), 'expected intensities that differ'),
    ]


def test_bad_pictures_leave_the_others(tmp_path):
    """Each is listed with its file, as an image and as a mask."""
    expected = {}
    for name, content, reason in bad_images(tmp_path):
        stem, suffix = name.split('.')
        expected[stem] = f'{tmp_path}/in/images/{name}: ', reason
        save(tmp_path / f'in/images/{name}', content)
        save(tmp_path / f'in/masks/{stem}.png', IDS)
        if stem < 'm':
            expected[f'{stem}2'] = (
                f'{tmp_path}/in/masks/{stem}2.{suffix}: ', reason)
            save(tmp_path / f'in/images/{stem}2.png', GREY)
            save(tmp_path / f'in/masks/{stem}2.{suffix}', content)
    for name in ('good0', 'good1', 'good2'):
        save(tmp_path / f'in/images/{name}.png', GREY)
        save(tmp_path / f'in/masks/{name}.png', IDS)
    prepared = prepare_dataset(tmp_path / 'in', tmp_path / 'out',
                               options=KEEP_ALL)
    assert prepared.written == ['good0', 'good1', 'good2']
    assert prepared.problems.keys() == expected.keys()
    for name, (file, reason) in expected.items():
        problem = prepared.problems[name]
        assert problem.startswith(file) and '\n' not in problem
        assert reason in problem


def test_bad_masks_are_refused(tmp_path):
    message = partial(refused, read, tmp_path)
    alpha = np.dstack([RGB, np.full((12, 16), 255, np.uint8)])
    alpha[0, 0, 3] = 254
    for mask in (alpha, alpha[..., [0, 3]]):
        assert message(mask=mask).endswith(
            'expected an opaque mask, found pixels that are transparent; save '
            'it without an alpha channel')
    assert message(mask=IDS[1:]).endswith(
        'expected the size of its image, (16, 12, 1), found (16, 11, 1)')
    assert 'm.png: expected some foreground' in message(mask=IDS * 0)
    assert 'm.png: expected whole numbers' in message(
        mask=tiff(IDS / np.float32(2), '<'))


def test_large_images_are_read_and_huge_ones_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', IDS.size - 1)
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        np.testing.assert_array_equal(read(tmp_path).image[0], GREY)
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', IDS.size // 2 - 1)
    with pytest.raises(InputError, match='a.png: expected .* exceeds limit'):
        read(tmp_path)


def test_geometry_needs_no_pixels(tmp_path):
    noise = RNG.integers(0, 256, (90, 70), np.uint8)
    for name in ('a.png', 'a.jpg', 'a.tif', 'a.bmp'):
        path = save(tmp_path / name, noise)
        reader = Readers().find(path)
        geometry = reader.geometry(path)
        assert geometry['size'] == list(reader.read(path).GetSize())
        if name != 'a.tif':  # whose header may come last
            path.write_bytes(path.read_bytes()[:1200])
            assert reader.geometry(path) == geometry


def test_names_with_spaces_and_any_letters(tmp_path):
    names = ['Bild ä 1', 'изображение_2', '画像 (3)']
    for name in names:
        save(tmp_path / f'ein gang/images/{name}.JPG', GREY)
        save(tmp_path / f'ein gang/masks/{name}_große Leber_000.png',
             (IDS > 0) * np.uint8(255))
        save(tmp_path / f'ein gang/masks/{name}_große Leber_001.png',
             (IDS == 1) * np.uint8(255))
    data = prepare_dataset(tmp_path / 'ein gang', tmp_path / 'aus',
                           options=KEEP_ALL).data
    assert sorted(case.name for case in data.cases) == sorted(names)
    # Labels that overlap stay apart.
    assert set(data.labels.values()) == {'große Leber', 'große Leber 2'}
    for case in data.cases:
        assert sorted(case.areas()[0]) == [(IDS == 1).sum(), (IDS > 0).sum()]


@pytest.mark.parametrize('change', [0, 1])
def test_rgb_passes_the_pipeline(tmp_path, change):
    """Channels stay in the order RGB, through every change."""
    image = np.zeros((60, 80, 3), np.uint8)
    image[...] = RNG.integers(0, 20, (60, 80, 1)) + [200, 120, 50]
    mask = np.zeros((60, 80), np.uint8)
    mask[20:40, 20:50] = 3
    save(tmp_path / 'in/images/a.png', image)
    save(tmp_path / 'in/masks/a.png', mask)
    prepare_dataset(tmp_path / 'in', tmp_path / 'out', options=KEEP_ALL,
                    plan=ALL_TEST)
    data = PromptSliceDataset(tmp_path / 'out', 'test', [
        dict(type='LoadSlice'),
        dict(type='RandomAffine', prob=change),
        dict(type='RandomCoarsen', prob=change),
        dict(type='RandomWindow', prob=change),
        dict(type='BoxPromptsFromMask', min_area=1, prompts_per_image=2),
        dict(type='RandomFlip', prob=change),
        dict(type='ResizeLongestSide', size=96 if change else 80),
        dict(type='PackPromptSample'),
    ])
    sample = data[0]
    inputs, masks = sample['inputs'], sample['data_samples'].gt_instances.masks
    assert inputs.dtype == torch.uint8
    if not change:
        np.testing.assert_array_equal(inputs.permute(1, 2, 0), image)
        np.testing.assert_array_equal(masks[0], mask == 3)
        return
    assert inputs.shape == (3, 72, 96)
    red, green, blue = inputs[:, masks[0] > 0].int()
    assert len(red) > 200
    assert (red > green).all() and (green > blue).all()
