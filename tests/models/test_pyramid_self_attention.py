"""The exchange of DB-SAM+, in which both branches are one pyramid."""

import pytest
import torch
from torch import nn

from mmdbsam.models.layers import to_levels, to_tokens
from mmdbsam.registry import MODELS

pytestmark = pytest.mark.usefixtures('device')

SHAPES = [(6, 6), (4, 4), (2, 2)]


def build(vit_channels=12, **kwargs):
    torch.manual_seed(0)
    return MODELS.build(dict(
        type='PyramidSelfAttention', vit_channels=vit_channels,
        conv_channels=12, num_levels=2, num_heads=4, **kwargs)).eval()


def features(vit_channels=12):
    return (torch.randn(2, 6, 6, vit_channels),
            [torch.randn(2, *shape, 12) for shape in SHAPES[1:]])


def randomize(neck):
    for parameter in neck.parameters():
        nn.init.normal_(parameter, std=0.3)
    return neck


@torch.no_grad()
@pytest.mark.parametrize('vit_channels', [12, 20])
def test_equation(vit_channels):
    neck = randomize(build(vit_channels))
    vit, conv = features(vit_channels)
    projected = neck.project(vit)
    tokens = to_tokens([projected, *conv])
    for block in neck.blocks:
        tokens = block(tokens, SHAPES, tokens, SHAPES)
    assert len(neck.blocks) == 2
    first, *others = to_levels(tokens, SHAPES)
    if vit_channels == 12:
        wanted = first
    else:
        wanted = vit + (first - projected) @ neck.project_back.weight.T
    new_vit, new_conv = neck(vit, conv)
    torch.testing.assert_close(new_vit, wanted, rtol=1e-4, atol=1e-4)
    for level, other in zip(new_conv, others, strict=True):
        torch.testing.assert_close(level, other)


@torch.no_grad()
def test_every_level_reads_every_level():
    neck = randomize(build(num_blocks=1))
    vit, conv = features()
    before = [vit, *conv]
    outputs = neck(vit, conv)
    for changed in range(3):
        levels = list(before)
        levels[changed] = levels[changed] + torch.randn_like(levels[changed])
        new_vit, new_conv = neck(levels[0], levels[1:])
        for new, old in zip([new_vit, *new_conv], [outputs[0], *outputs[1]],
                            strict=True):
            assert not torch.allclose(new, old)


@pytest.mark.parametrize('vit_channels', [12, 20])
def test_zero_init_changes_nothing_at_first_and_leaves_nothing_dead(
        vit_channels):
    neck = build(vit_channels, zero_init=True, drop_path=0.).train()
    vit, conv = features(vit_channels)
    optimizer = torch.optim.SGD(neck.parameters(), 0.1)
    new_vit, new_conv = neck(vit, conv)
    assert torch.equal(new_vit, vit)
    assert all(map(torch.equal, new_conv, conv))
    for _ in range(4):
        new_vit, new_conv = neck(vit, conv)
        (new_vit.square().mean() + new_conv[0].square().mean()).backward()
        optimizer.step()
    for name, parameter in neck.named_parameters():
        assert parameter.grad.abs().max() > 0, name


@torch.no_grad()
@pytest.mark.parametrize('vit_channels', [12, 20])
@pytest.mark.parametrize('update_vit, update_conv', [(True, False),
                                                     (False, True)])
def test_what_is_not_updated_changes_nothing_else(vit_channels, update_vit,
                                                  update_conv):
    whole = randomize(build(vit_channels))
    part = build(vit_channels, update_vit=update_vit,
                 update_conv=update_conv)
    part.load_state_dict(whole.state_dict(), strict=update_vit)
    vit, conv = features(vit_channels)
    new_vit, new_conv = part(vit, conv)
    whole_vit, whole_conv = whole(vit, conv)
    torch.testing.assert_close(new_vit, whole_vit if update_vit else vit)
    for new, old in zip(new_conv, whole_conv if update_conv else conv,
                        strict=True):
        torch.testing.assert_close(new, old)
