"""The stems: the grids of their levels, their images and their layers."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmdbsam.registry import MODELS

pytestmark = pytest.mark.usefixtures('device')


def build(kind='ConvStem', **kwargs):
    return MODELS.build(dict(type=kind, channels=12, widths=(4, 8, 8),
                             **kwargs)).eval()


def images_seen(stem, images):
    """The images that the levels see, and the levels."""
    seen = []
    handles = [level.register_forward_pre_hook(
        lambda module, inputs: seen.append(inputs[0]))
        for level in stem.levels]
    levels = stem(images)
    for handle in handles:
        handle.remove()
    return seen, levels


@torch.no_grad()
@pytest.mark.parametrize('out_stride, num_levels', [(16, 4), (16, 2), (8, 3)])
def test_levels_end_on_one_grid(out_stride, num_levels):
    stem = build(out_stride=out_stride, num_levels=num_levels)
    levels = stem(torch.randn(2, 3, 64, 64))
    side = 64 // out_stride
    assert [tuple(x.shape) for x in levels] == [(2, side, side, 12)
                                                ] * num_levels
    strides = [[conv.stride[0] for conv in level.modules()
                if isinstance(conv, nn.Conv2d) and conv.kernel_size == (3, 3)]
               for level in stem.levels]
    total = out_stride // 2
    for k, level in enumerate(strides):
        assert torch.tensor(level).prod() == total // 2**k


@torch.no_grad()
@pytest.mark.parametrize('kind', ['ConvStem', 'LargeKernelStem'])
def test_a_level_embedding_that_starts_at_zero_is_added(kind):
    stem = build(kind)
    assert not stem.level_embedding.any()
    image = torch.randn(1, 3, 64, 64)
    before = stem(image)
    stem.level_embedding[1] += 2
    after = stem(image)
    for k, (x, y) in enumerate(zip(before, after, strict=True)):
        torch.testing.assert_close(y - x, torch.full_like(x, 2. * (k == 1)))


def test_batch_norms_forget_as_slowly_as_the_releases():
    norms = [m for m in build().modules() if isinstance(m, nn.BatchNorm2d)]
    assert {(norm.momentum, norm.eps) for norm in norms} == {(0.01, 1e-5)}


def triangle(side, new_side):
    """The weights of a resizing by a triangle twice as wide as a new pixel."""
    scale = side / new_side
    distance = (torch.arange(side) + 0.5)[None] / scale - (
        torch.arange(new_side) + 0.5)[:, None]
    weights = (1 - distance.abs()).clamp(min=0)
    return weights / weights.sum(1, keepdim=True)


@torch.no_grad()
@pytest.mark.parametrize('resize', ['mean', 'bilinear', 'antialias'])
def test_pyramid_is_made_as_said(resize):
    images = torch.rand(2, 3, 64, 64)
    seen, _ = images_seen(build(resize=resize), images)
    for k, image in enumerate(seen, 1):
        size = 2**k
        blocks = images.unflatten(2, (-1, size)).unflatten(4, (-1, size))
        if resize == 'mean':
            wanted = blocks.mean((3, 5))
        elif resize == 'bilinear':  # the four pixels about a block's centre
            centre = slice(size // 2 - 1, size // 2 + 1)
            wanted = blocks[:, :, :, centre][..., centre].mean((3, 5))
        else:
            weights = triangle(64, 64 // size)
            wanted = weights @ images @ weights.T
        torch.testing.assert_close(image, wanted)


def test_refuses_what_cannot_be():
    for kwargs, message in (
            (dict(out_stride=8, num_levels=4), 'num_levels: expected 1 to 3'),
            (dict(out_stride=32), 'widths: expected at least 4'),
            (dict(resize='nearest'), "resize: expected 'mean', .*'nearest'")):
        with pytest.raises(ValueError, match=message):
            build(**kwargs)
    with pytest.raises(ValueError, match='out_stride: expected at least 4'):
        build('LargeKernelStem', out_stride=2, num_levels=1)


@torch.no_grad()
@pytest.mark.parametrize('out_stride, num_levels', [(16, 4), (8, 3), (4, 2)])
def test_large_kernel_stem_sees_images_twice_as_large(out_stride,
                                                      num_levels):
    stem = build('LargeKernelStem', out_stride=out_stride,
                 num_levels=num_levels)
    seen, levels = images_seen(stem, torch.randn(2, 3, 64, 64))
    side = 64 // out_stride
    assert [tuple(x.shape) for x in levels] == [(2, side, side, 12)
                                                ] * num_levels
    assert [x.shape[-1] for x in seen] == [64 // 2**k
                                           for k in range(num_levels)]
    large = [conv for conv in stem.modules() if isinstance(conv, nn.Conv2d)
             and conv.kernel_size == (7, 7)]
    assert large == [stem.levels[0].convs[0].conv]
    assert large[0].stride == (4, 4)


@torch.no_grad()
def test_large_kernel_stem_has_the_releases_layers():
    """Those of LFIP6: widths, kernels, strides and paddings of each level."""
    with torch.device('meta'):
        stem = MODELS.build(dict(type='LargeKernelStem'))

    def pair(width, stride):
        return [(width, 3, stride, 1), (width, 1, 1, 0)]

    wanted = [
        [(128, 7, 4, 1), *pair(256, 2), *pair(512, 2)],
        [(128, 3, 2, 1), *pair(256, 2), *pair(512, 2)],
        [*pair(256, 2), *pair(512, 2)],
        [*pair(256, 2), *pair(512, 1)],
    ]
    for level, layers in zip(stem.levels, wanted, strict=True):
        convs = [m for m in level.modules() if isinstance(m, nn.Conv2d)]
        assert [(conv.out_channels, conv.kernel_size[0], conv.stride[0],
                 conv.padding[0]) for conv in convs
                ] == [*layers, (768, 1, 1, 0)]
        assert all(conv.bias is None for conv in convs)
        assert not any(isinstance(m, nn.LayerNorm) for m in level.modules())


@torch.no_grad()
def test_conv_stem_ends_each_level_with_a_layer_norm():
    stem = build()
    images, levels = images_seen(stem, torch.randn(1, 3, 64, 64))
    for level, image, found in zip(stem.levels, images, levels, strict=True):
        projected = level.project(level.convs(image)).permute(0, 2, 3, 1)
        torch.testing.assert_close(
            found, F.layer_norm(projected, (12, ), eps=1e-6))
