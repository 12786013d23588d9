"""Masks as pictures: their colours, palettes and bits."""

import struct
import zlib

import numpy as np
import pytest
import SimpleITK as sitk
from mask_files import disc
from PIL import Image
from synthetic import KEEP_ALL

from mmdbsam.geometry.grids import flat_geometry
from mmdbsam.io.label_readers import LabelReaders
from mmdbsam.preparation import (
    LabelFile,
    SourceCase,
    read_case,
)

RNG = np.random.default_rng(0)


def colours_of(tmp_path, colours):
    """The values of a mask of colours, and the names of the colours."""
    path = tmp_path / 'm.png'
    Image.fromarray(colours).save(path)
    found, = LabelReaders().find(path).read(
        path, flat_geometry((*colours.shape[1::-1], 1)))
    return sitk.GetArrayFromImage(found.values)[0], found.names


def test_smooth_edges_of_colours_are_no_labels(tmp_path):
    """Shades of two labels, of which one lies in the other, and black."""
    share, inner = (np.array(Image.fromarray(
        disc(400, radius) * np.uint8(255)).resize(
            (80, 80), Image.Resampling.BOX), float)[..., None] / 255
        for radius in (120, 50))
    red, green = np.array([255, 0, 0]), np.array([20, 200, 90])
    colours = np.rint(share * red * (1 - inner) + inner * green).astype('u1')
    assert len(np.unique(colours.reshape(-1, 3), axis=0)) > 20
    found, names = colours_of(tmp_path, colours)
    assert names == {1: '#14c85a', 2: '#ff0000'}
    wanted = np.where(inner[..., 0] >= 0.5, 1, np.where(
        share[..., 0] >= 0.5, 2, 0))
    assert np.unique(found).tolist() == [0, 1, 2]
    assert (found != wanted).mean() < 0.002


def test_small_labels_of_other_colours_stay(tmp_path):
    colours = np.zeros((40, 40, 3), np.uint8)
    colours[5:20, 5:20, 0], colours[25, 30:32] = 255, (128, 0, 0)
    colours[30, 7] = 10, 250, 90
    found, names = colours_of(tmp_path, colours)
    assert np.unique(found).tolist() == [0, 1, 2, 3]
    assert names == {1: '#0afa5a', 2: '#800000', 3: '#ff0000'}


@pytest.mark.parametrize('bits, factor', [(2, 85), (4, 17)])
def test_grey_of_few_bits_is_not_stretched(tmp_path, bits, factor):
    """PIL shows it in 8 bits."""
    ids = np.arange(80 * 80).reshape(80, 80) % 2**bits
    rows = [b'\0' + np.packbits(((row[:, None] >> np.arange(bits)[::-1]) & 1
                                 ).astype(bool)).tobytes() for row in ids]

    def chunk(name, data):
        return (struct.pack('>I', len(data)) + name + data
                + struct.pack('>I', zlib.crc32(name + data)))

    path = tmp_path / 'm.png'
    path.write_bytes(
        b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', struct.pack(
            '>IIBBBBB', 80, 80, bits, 0, 0, 0, 0))
        + chunk(b'IDAT', zlib.compress(b''.join(rows))) + chunk(b'IEND', b''))
    assert np.asarray(Image.open(path)).max() == 255
    Image.fromarray(RNG.integers(0, 99, ids.shape, np.uint8)).save(
        tmp_path / 'image.png')
    layer, = read_case(SourceCase('a', tmp_path / 'image.png', (
        LabelFile(path), )), KEEP_ALL).layers
    np.testing.assert_array_equal(layer[0], ids)


def test_a_grey_palette_is_grey(tmp_path):
    grey = Image.fromarray(disc() * np.uint8(255)).convert('P')
    grey.putpalette(np.repeat(np.arange(256), 3).tolist())
    grey.save(tmp_path / 'm.png')
    Image.fromarray(RNG.integers(0, 99, grey.size, np.uint8)).save(
        tmp_path / 'image.png')
    layer, = read_case(SourceCase('a', tmp_path / 'image.png', (
        LabelFile(tmp_path / 'm.png'), )), KEEP_ALL).layers
    np.testing.assert_array_equal(layer[0], disc())


@pytest.mark.parametrize('palette', [(0, 255), (255, 0)])
def test_a_palette_of_black_and_white(tmp_path, palette):
    """Its indices depend on the program that wrote it."""
    picture = Image.fromarray((disc() != (palette[0] == 255)).astype(np.uint8),
                              'P')
    picture.putpalette(np.repeat(palette, 3).tolist())
    picture.save(tmp_path / 'm.png')
    Image.fromarray(RNG.integers(0, 99, picture.size, np.uint8)).save(
        tmp_path / 'image.png')
    layer, = read_case(SourceCase('a', tmp_path / 'image.png', (
        LabelFile(tmp_path / 'm.png'), )), KEEP_ALL).layers
    np.testing.assert_array_equal(layer[0], disc())


@pytest.mark.parametrize('name, palette', [
    ('m.tif', [0, 0, 0, 255, 255, 255]),  # PIL pads it with black
    ('m.png', [0] * 3 + [255] * 765), ('m.tif', [0] * 3 + [255] * 765)])
def test_indices_of_one_colour_stay_apart(tmp_path, name, palette):
    ids = np.where(disc(radius=10), 2, disc(radius=20)).astype(np.uint8)
    picture = Image.fromarray(ids, 'P')
    picture.putpalette(palette)
    picture.save(tmp_path / name)
    Image.fromarray(RNG.integers(0, 99, ids.shape, np.uint8)).save(
        tmp_path / 'image.png')
    layer, = read_case(SourceCase('a', tmp_path / 'image.png', (
        LabelFile(tmp_path / name), )), KEEP_ALL).layers
    np.testing.assert_array_equal(layer[0], ids)


@pytest.mark.parametrize('channels', [1, 3])
def test_an_opaque_alpha_channel_says_nothing(tmp_path, channels):
    """Drawing programs write one that nobody asked for."""
    colours = RNG.integers(0, 3, (20, 24, channels), np.uint8)
    opaque = np.full((20, 24, 1), 255, np.uint8)
    layers, names = [], []
    for name, values in (('without', colours),
                         ('with', np.dstack([colours, opaque]))):
        path = tmp_path / f'{name}.png'
        Image.fromarray(values.squeeze()).save(path)
        reader = LabelReaders().find(path)
        found, = reader.read(path, flat_geometry((24, 20, 1)))
        layers.append(sitk.GetArrayFromImage(found.values))
        names.append((found.names, reader.names(path)))
    assert len(np.unique(layers[0])) > 2 and names[0] == names[1]
    np.testing.assert_array_equal(*layers)
