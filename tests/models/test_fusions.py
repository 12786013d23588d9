"""Each fusion follows its equation; with zero_init it starts as the ViT."""

import pytest
import torch
import torch.nn.functional as F
from mmcv.cnn.bricks import DropPath
from torch import nn

from mmdbsam.registry import MODELS

pytestmark = pytest.mark.usefixtures('device')

WIDTH, LEVELS = 24, 2
FUSIONS = ['ConcatFusion', 'HadamardFusion', 'GatedFusion',
           'PixelGatedFusion', 'SoftmaxFusion', 'SumFusion']


def build(kind, conv_channels=10, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type=kind, vit_channels=WIDTH, conv_channels=conv_channels,
        num_levels=LEVELS, **kwargs))


def features(conv_channels=10):
    return (torch.randn(2, 4, 5, WIDTH),
            [torch.randn(2, 4, 5, conv_channels) for _ in range(LEVELS)])


def randomize(fusion):
    """Set random weights everywhere, so that no zero hides a missing term."""
    for parameter in fusion.parameters():
        nn.init.normal_(parameter, std=0.3)
    return fusion.eval()


def conv1x1(layer, x):
    """Apply a linear layer to (B, C, h, w), as the release's convolution."""
    return F.conv2d(x, layer.weight[:, :, None, None], layer.bias)


def channels_first(vit, conv):
    return (vit.permute(0, 3, 1, 2),
            torch.cat([level.permute(0, 3, 1, 2) for level in conv], 1))


@torch.no_grad()
def test_sum_equation():
    fusion = randomize(build('SumFusion'))
    vit, conv = features()
    x, levels = channels_first(vit, conv)
    wanted = x + conv1x1(fusion.conv_project, levels)
    torch.testing.assert_close(fusion(vit, conv), wanted.permute(0, 2, 3, 1))


@torch.no_grad()
def test_concat_equation():
    fusion = randomize(build('ConcatFusion'))
    vit, conv = features()
    x, levels = channels_first(vit, conv)
    f_conv = conv1x1(fusion.conv_project, levels)
    mixed = conv1x1(fusion.project, torch.cat([x, f_conv], dim=1))
    wanted = fusion.channel_attention(mixed.permute(0, 2, 3, 1))
    torch.testing.assert_close(fusion(vit, conv), wanted)


def test_concat_fusion_has_the_releases_size():
    """Its expansion of 4 makes 10.65 M parameters at the paper's width."""
    with torch.device('meta'):
        fusion = MODELS.build(dict(type='ConcatFusion', vit_channels=768,
                                   conv_channels=768, num_levels=4))
    assert sum(p.numel() for p in fusion.parameters()) == 10_647_552


def score(layers, x):
    """Linear, SiLU, LN and Linear, of which none has a bias but the norm."""
    down, _, norm, up = layers
    hidden = F.layer_norm(F.silu(x @ down.weight.T), (WIDTH // 12, ),
                          norm.weight, norm.bias, 1e-5)
    return hidden @ up.weight.T


@torch.no_grad()
@pytest.mark.parametrize('kind', ['GatedFusion', 'PixelGatedFusion'])
def test_gated_equations(kind):
    fusion = randomize(build(kind))
    vit, conv = features()
    f_conv = conv1x1(fusion.conv_project, channels_first(vit, conv)[1])
    f_conv = f_conv.permute(0, 2, 3, 1)
    if kind == 'GatedFusion':
        norm, linear = fusion.spatial_score
        spatial = F.layer_norm(f_conv, (WIDTH, ), norm.weight, norm.bias,
                               1e-5) @ linear.weight.T
        channel = score(fusion.channel_score, vit.mean((1, 2)))[:, None, None]
    else:
        spatial = score(fusion.spatial_score, f_conv)
        channel = score(fusion.channel_score, vit)
    gate = torch.sigmoid(spatial + channel)
    fused = gate * f_conv + (1 - gate) * vit
    norm, expand, _, project = fusion.mlp
    hidden = F.layer_norm(fused, (WIDTH, ), norm.weight, norm.bias, 1e-5)
    wanted = fused + project(F.gelu(expand(hidden)))
    torch.testing.assert_close(fusion(vit, conv), wanted)


@torch.no_grad()
def test_hadamard_equation():
    fusion = randomize(build('HadamardFusion'))
    fusion.norm.running_mean.normal_()
    fusion.norm.running_var.uniform_(0.5, 2)
    vit, conv = features()
    x, levels = channels_first(vit, conv)
    f_conv = conv1x1(fusion.conv_project, levels)
    gate = conv1x1(fusion.mix, conv1x1(fusion.query, x)
                   * conv1x1(fusion.key, f_conv))
    norm = fusion.norm
    gate = torch.sigmoid(F.batch_norm(
        gate, norm.running_mean, norm.running_var, norm.weight, norm.bias))
    wanted = gate * x + (1 - gate) * f_conv
    torch.testing.assert_close(fusion(vit, conv), wanted.permute(0, 2, 3, 1))


@torch.no_grad()
@pytest.mark.parametrize('conv_channels', [WIDTH, 10])
def test_softmax_equation(conv_channels):
    fusion = randomize(build('SoftmaxFusion', conv_channels))
    vit, conv = features(conv_channels)
    sources = [vit, *conv]
    if conv_channels != WIDTH:
        sources[1:] = [fusion.conv_project(level) for level in conv]
    powers = []
    for layers, source in zip(fusion.scores, sources, strict=True):
        powers.append(score(layers, source).exp())
    fused = sum(power * source for power, source
                in zip(powers, sources, strict=True)) / sum(powers)
    norm, expand, _, project = fusion.mlp
    hidden = F.layer_norm(fused, (WIDTH, ), norm.weight, norm.bias, 1e-5)
    wanted = fused + project(F.gelu(expand(hidden)))
    torch.testing.assert_close(fusion(vit, conv), wanted)


@torch.no_grad()
def test_single_branch_equation():
    vit, conv = features()
    assert build('SingleBranchFusion', branch='vit')(vit, conv) is vit
    fusion = randomize(build('SingleBranchFusion', branch='conv'))
    _, levels = channels_first(vit, conv)
    wanted = conv1x1(fusion.conv_project, levels).permute(0, 2, 3, 1)
    torch.testing.assert_close(fusion(vit, conv), wanted)


def test_single_branch_refuses_what_cannot_be():
    for kwargs, message in (
            (dict(branch='both'), "branch: expected 'vit' or 'conv', found "
             "'both'"),
            (dict(branch='conv', zero_init=True), 'zero_init: expected False'),
            (dict(), "missing .* 'branch'")):
        with pytest.raises(ValueError, match=message):
            build('SingleBranchFusion', **kwargs)


@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('kind', [*FUSIONS, 'SingleBranchFusion'])
def test_zero_init_is_the_vit_branch_to_the_bit(kind, training):
    kwargs = dict(branch='vit') if kind == 'SingleBranchFusion' else {}
    fusion = build(kind, zero_init=True, **kwargs).train(training)
    vit, conv = features()
    vit = vit * 100
    assert torch.equal(fusion(vit, conv), vit)


@pytest.mark.parametrize('kind', FUSIONS)
def test_zero_init_leaves_nothing_dead(kind):
    """After some steps every parameter and both branches have gradients."""
    fusion = build(kind, zero_init=True).train()
    assert not torch.equal(build(kind)(*features()), features()[0])
    vit, conv = features()
    optimizer = torch.optim.SGD(fusion.parameters(), 0.1)
    for module in fusion.modules():
        if isinstance(module, DropPath):
            module.drop_prob = 0.
    for _ in range(4):
        leaves = [x.clone().requires_grad_() for x in (vit, *conv)]
        optimizer.zero_grad()
        fusion(leaves[0], leaves[1:]).square().mean().backward()
        optimizer.step()
    for x in (*leaves, *fusion.parameters()):
        assert x.grad is not None and x.grad.abs().max() > 0
