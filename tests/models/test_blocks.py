"""Each block follows its equation."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from mmdbsam.models.heads.sam_mask_head import mask_targets
from mmdbsam.models.layers import ConvFFN, to_levels, to_tokens
from mmdbsam.registry import MODELS

pytestmark = pytest.mark.usefixtures('device')


def randomize(module):
    """Set random weights everywhere, so that no zero hides a missing term."""
    torch.manual_seed(0)
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.eval()


def layer_norm(x, norm, eps=1e-5):
    return F.layer_norm(x, norm.normalized_shape, norm.weight, norm.bias, eps)


@torch.no_grad()
@pytest.mark.parametrize('expansion', [1, 3])
def test_channel_attention_equation(expansion):
    block = randomize(MODELS.build(dict(
        type='ChannelAttention', channels=8, expansion=expansion)))
    x = torch.randn(2, 5, 6, 8)
    y = layer_norm(x, block.norm, 1e-6).permute(0, 3, 1, 2)
    y = F.gelu(F.conv2d(y, block.depthwise.weight, padding=1, groups=8))
    squeeze, excite = (conv.conv for conv in (block.squeeze_excitation.conv1,
                                              block.squeeze_excitation.conv2))
    pooled = y.mean((2, 3), keepdim=True)
    scale = torch.sigmoid(excite(F.gelu(squeeze(pooled))))
    y = torch.einsum('oc,bchw->bhwo', block.pointwise.weight[:, :, 0, 0],
                     y * scale)
    torch.testing.assert_close(block(x), x + y)
    assert [name for name, _ in block.named_parameters() if 'bias' in name
            ] == ['norm.bias']


def build_neck(**kwargs):
    return MODELS.build(dict(
        type='BilateralCrossAttention', vit_channels=24, conv_channels=12,
        num_levels=2, num_heads=4, **kwargs))


@torch.no_grad()
def test_bilateral_cross_attention_equation():
    neck = randomize(build_neck())
    vit = torch.randn(2, 6, 6, 24)
    conv = [torch.randn(2, 6, 6, 12), torch.randn(2, 3, 3, 12)]
    vit_shapes, conv_shapes = [(6, 6)], [(6, 6), (3, 3)]
    vit_tokens, conv_tokens = to_tokens([vit]), to_tokens(conv)
    # Each branch reads the other as it was before the exchange.
    wanted_vit = neck.vit_reads_conv(vit_tokens, vit_shapes, conv_tokens,
                                     conv_shapes)
    wanted_conv = neck.conv_reads_vit(conv_tokens, conv_shapes, vit_tokens,
                                      vit_shapes)
    new_vit, new_conv = neck(vit, conv)
    torch.testing.assert_close(new_vit, to_levels(wanted_vit, vit_shapes)[0])
    for level, wanted in zip(new_conv, to_levels(wanted_conv, conv_shapes),
                             strict=True):
        torch.testing.assert_close(level, wanted)

    half = neck.vit_reads_conv
    attended = half.attention(
        layer_norm(vit_tokens, half.query_norm),
        torch.cartesian_prod(*[(torch.arange(6) + 0.5) / 6] * 2).flip(-1),
        layer_norm(conv_tokens, half.value_norm), conv_shapes)
    middle = vit_tokens + attended
    wanted = middle + half.ffn(layer_norm(middle, half.ffn_norm), vit_shapes)
    torch.testing.assert_close(wanted_vit, wanted)


@torch.no_grad()
def test_zero_init_leaves_the_vit_branch_alone():
    torch.manual_seed(0)
    vit, conv = torch.randn(2, 6, 6, 24), [torch.randn(2, 6, 6, 12)] * 2
    new_vit, new_conv = build_neck(zero_init=True)(vit, conv)
    assert torch.equal(new_vit, vit)
    assert not torch.equal(new_conv[0], conv[0])
    _, same_conv = build_neck(update_conv=False)(vit, conv)
    assert torch.equal(same_conv[0], conv[0])


@torch.no_grad()
def test_conv_ffn_keeps_levels_apart():
    ffn = randomize(ConvFFN(4, expansion=2))
    tokens = torch.randn(1, 9 + 4, 4)
    shapes = [(3, 3), (2, 2)]
    changed = tokens.clone()
    changed[:, 9:] += 1
    before, after = ffn(tokens, shapes), ffn(changed, shapes)
    assert torch.equal(before[:, :9], after[:, :9])
    assert not torch.allclose(before[:, 9:], after[:, 9:])


def test_losses():
    logits = torch.tensor([[[[0., 2.], [-1., 3.]]]])
    targets = torch.tensor([[[[0., 1.], [0.25, 1.]]]])
    p = 1 / (1 + (-logits).exp())
    dice = 1 - 2 * (p * targets).sum() / ((p**2).sum() + (targets**2).sum())
    torch.testing.assert_close(
        MODELS.build(dict(type='DiceLoss'))(logits, targets), dice,
        rtol=1e-4, atol=1e-4)
    bce = -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()
    torch.testing.assert_close(
        MODELS.build(dict(type='BinaryCrossEntropyLoss', loss_weight=3.))(
            logits, targets), 3 * bce)


def test_targets_are_the_share_of_the_pixel():
    """A mask that was enlarged to the input side comes back exactly."""
    head = MODELS.build(dict(type='SAMMaskHead', embed_dims=32, num_heads=2,
                             mlp_dims=16))
    small = (torch.rand(3, 16, 16) > 0.5).to(torch.uint8)
    large = small.repeat_interleave(4, 1).repeat_interleave(4, 2)
    perfect = (small[:, None].float() * 2 - 1) * 50
    losses = head.loss(perfect, torch.ones(3, 1),
                       mask_targets(large, (16, 16)))
    assert set(losses) == {'loss_DiceLoss', 'loss_BinaryCrossEntropyLoss'}
    assert sum(losses.values()) < 1e-4
