"""The fused layers against the plain ones that they stand for."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from mmdbsam.models.backbones.rel_pos_attention import attend_folded
from mmdbsam.ops import fused
from mmdbsam.ops.fused import Affine, functional

pytestmark = pytest.mark.skipif(
    not functional._cpu_is_supported(),
    reason='the fused layers need an x86 CPU with AVX2')


@pytest.fixture(params=[1, 2], autouse=True)
def threads(request, monkeypatch):
    """One thread runs all units in one call; two run them in ranges."""
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


def random_norm(channels):
    norm = nn.LayerNorm(channels, eps=1e-5)
    nn.init.normal_(norm.weight)
    nn.init.normal_(norm.bias)
    return norm


def random_affine(columns, depth, bias=True):
    return Affine(torch.randn(columns, depth) * depth ** -.5,
                  torch.randn(columns) if bias else None)


def assert_close(found, wanted):
    assert found.shape == wanted.shape
    torch.testing.assert_close(found, wanted, rtol=1e-5, atol=1e-5)


# Rows, columns and depths that fill tiles, panels and blocks, and that do not.
@pytest.mark.parametrize('rows, depth, columns', [
    (192, 64, 256), (97, 33, 50), (1, 3, 1), (500, 128, 384)])
@pytest.mark.parametrize('bias', [True, False])
def test_linear(rows, depth, columns, bias):
    x = torch.randn(2, rows, depth)
    norm, residual = random_norm(depth), torch.randn(2, rows, columns)
    layer = random_affine(columns, depth, bias)
    assert_close(fused.linear(x, layer), F.linear(x, *layer))
    assert_close(fused.linear(x, layer, norm, True, residual),
                 residual + F.gelu(F.linear(norm(x), *layer)))


@pytest.mark.parametrize('rows, channels, hidden', [
    (96, 64, 256), (50, 40, 90), (300, 24, 600)])
def test_mlp(rows, channels, hidden):
    x, norm = torch.randn(2, rows, channels), random_norm(channels)
    expand = random_affine(hidden, channels)
    project = random_affine(channels, hidden)
    wanted = x + F.linear(F.gelu(F.linear(norm(x), *expand)), *project)
    assert_close(fused.mlp(x, norm, expand, project, x), wanted)


def bottleneck_by_convolutions(x, expand, depthwise, project, stride, norm,
                               activate_hidden, residual, activate):
    y = norm(x) if norm else x
    y = F.conv2d(y.permute(0, 3, 1, 2), expand.weight[..., None, None],
                 expand.bias)
    y = F.gelu(y) if activate_hidden else y
    y = F.gelu(F.conv2d(y, *depthwise, stride, 1, 1, len(expand.weight)))
    y = F.conv2d(y, project.weight[..., None, None], project.bias)
    y = y.permute(0, 2, 3, 1)
    y = y if residual is None else residual + y
    return F.gelu(y) if activate else y


# Maps of several bands, also one of a row, and hidden channels of several
# chunks, of which the last is smaller.
@pytest.mark.parametrize('size, channels, hidden', [
    ((70, 12), 16, 96), ((66, 8), 8, 160), ((34, 6), 20, 33)])
@pytest.mark.parametrize('stride', [1, 2])
@pytest.mark.parametrize('plain', [True, False])
def test_inverted_bottleneck(size, channels, hidden, stride, plain):
    x = torch.randn(2, *size, channels)
    expand = random_affine(hidden, channels)
    depthwise = Affine(torch.randn(hidden, 1, 3, 3), torch.randn(hidden))
    project = random_affine(channels, hidden)
    options = dict(
        stride=stride, norm=None if plain else random_norm(channels),
        activate_hidden=not plain, activate=not plain,
        residual=None if plain else torch.randn(
            2, size[0] // stride, size[1] // stride, channels))
    assert_close(
        fused.inverted_bottleneck(x, expand, depthwise, project, **options),
        bottleneck_by_convolutions(x, expand, depthwise, project, **options))


@pytest.mark.parametrize('size', [(40, 16), (3, 5), (1, 1)])
def test_depthwise(size):
    x = torch.randn(2, *size, 24)
    layer = Affine(torch.randn(24, 1, 3, 3), torch.randn(24))
    wanted = F.conv2d(x.permute(0, 3, 1, 2), *layer, 1, 1, 1, 24)
    assert_close(fused.depthwise(x, layer), wanted.permute(0, 2, 3, 1))
    norm = random_norm(24)
    wanted = F.gelu(F.conv2d(norm(x).permute(0, 3, 1, 2), *layer, 1, 1, 1, 24))
    assert_close(fused.depthwise(x, layer, norm, True),
                 wanted.permute(0, 2, 3, 1))


def attention_of_padded_windows(qkv, padding, bias, window):
    batch, height, width, size = qkv.shape
    down, across = -(-height // window), -(-width // window)
    padded = padding.expand(batch, down * window, across * window, -1).clone()
    padded[:, :height, :width] = qkv
    q, k, v = padded.view(
        batch, down, window, across, window, len(bias), 3, -1
    ).permute(6, 0, 1, 3, 5, 2, 4, 7).flatten(5, 6)
    out = ((q @ k.mT * q.shape[-1] ** -.5 + bias).softmax(-1) @ v)
    out = out.unflatten(4, (window, window)).permute(0, 1, 4, 2, 5, 3, 6)
    out = out.reshape(batch, down * window, across * window, size // 3)
    return out[:, :height, :width]


@pytest.mark.parametrize('size, heads, channels, window', [
    ((28, 14), 2, 32, 7), ((30, 20), 5, 32, 14), ((5, 9), 3, 20, 4),
    ((8, 8), 1, 40, 2)])
def test_window_attention(size, heads, channels, window):
    qkv = torch.randn(2, *size, 3 * heads * channels)
    padding = torch.randn(3 * heads * channels)
    biases = torch.randn(heads, 9)
    indices = torch.randint(9, (window ** 2, window ** 2))
    assert_close(
        fused.window_attention(qkv, padding, biases, indices, window),
        attention_of_padded_windows(qkv, padding, biases[:, indices], window))


def test_the_softmax_bears_large_scores():
    qkv = 40 * torch.randn(1, 7, 7, 3 * 32)
    found = fused.window_attention(qkv, torch.zeros(96), torch.zeros(1, 1),
                                   torch.zeros(49, 49, dtype=torch.long), 7)
    wanted = attention_of_padded_windows(qkv, torch.zeros(96),
                                         torch.zeros(1, 49, 49), 7)
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-3)


def test_gelu_over_the_whole_range():
    x = torch.cat([torch.linspace(-12, 12, 4096),
                   torch.tensor([0., -0., 1e4, -1e4])])[:, None]
    identity = Affine(torch.ones(1, 1), None)
    wanted = F.gelu(x.double()).float()
    found = fused.linear(x, identity, activate=True)
    torch.testing.assert_close(found, wanted, rtol=1e-6, atol=2e-6)


def test_modules_are_replaced_only_where_nothing_notices():
    x, layer = torch.randn(4, 8), nn.Linear(8, 8)
    assert not fused.can_fuse(x, layer)  # its weights want gradients
    layer.requires_grad_(False)
    assert not fused.can_fuse(x, layer)  # it is in training mode
    layer.eval()
    assert fused.can_fuse(x, layer)
    assert not fused.can_fuse(x.requires_grad_(), layer)
    with torch.no_grad():
        assert fused.can_fuse(x, layer)
        assert not fused.can_fuse(x.double(), layer)
        assert not fused.can_fuse(x.to('meta'), layer)
        with torch.autocast('cpu', torch.bfloat16):
            assert not fused.can_fuse(x, layer)
        with FlopCounterMode(display=False):
            assert not fused.can_fuse(x, layer)
        handle = layer.register_forward_hook(lambda *args: None)
        assert not fused.can_fuse(x, nn.Sequential(layer).eval())
        handle.remove()
        assert fused.can_fuse(x, nn.Sequential(layer).eval())


@pytest.mark.parametrize('height, width, channels', [
    (14, 14, 64), (5, 3, 20), (40, 32, 32)])
def test_rel_pos_attention(height, width, channels):
    q, k, v = torch.randn(3, 2, 3, height, width, channels)
    q = q * channels ** -.5
    by_row = torch.randn(2, 3, height, width, height)
    by_column = torch.randn(2, 3, height, width, width)
    assert_close(fused.rel_pos_attention(q, k, v, by_row, by_column),
                 attend_folded(q, k, v, by_row, by_column))


def test_samples():
    shapes = [(6, 5), (3, 4)]
    offsets = torch.randn(2, 300, 3, 2, 4, 2)
    logits = 5 * torch.randn(2, 300, 3, 2, 4)
    references = torch.rand(300, 2)
    locations, weights = fused.samples(offsets, logits, references, shapes)
    sizes = torch.tensor([(5., 6.), (4., 3.)]).view(2, 1, 2)
    assert_close(locations,
                 references.view(300, 1, 1, 1, 2) + offsets / sizes)
    assert_close(weights, logits.flatten(3).softmax(-1).view(logits.shape))
