"""The image encoder as a backbone of mmsegmentation."""

import copy

import pytest
import torch
from mmengine.registry import DefaultScope

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS

TINY_VIT = dict(type='SAMTinyViT', img_size=32, widths=(8, 8, 12, 16),
                depths=(1, 1, 1, 1), num_heads=(2, 2, 2),
                window_sizes=(4, 4, 4), out_channels=20)
BLOCKS = dict(
    adapter=dict(type='ChannelAttention', drop_path=0.),
    stem=dict(type='ConvStem', channels=8, out_stride=4, num_levels=2,
              widths=(8, 8), norm_cfg=dict(type='GN', num_groups=4)),
    neck=dict(type='BilateralCrossAttention', num_heads=2, expansion=1.,
              dropout=0., drop_path=0.),
    fusion=dict(type='GatedFusion', drop_path=0.))


def encoder_cfg(kind, tiny_cfg):
    if kind == 'ViT':
        return copy.deepcopy(tiny_cfg.model.image_encoder)
    blocks = BLOCKS if kind == 'TinyViT' else {}
    return dict(type='DualBranchEncoder', vit=TINY_VIT, **blocks)


def build(encoder, **options):
    torch.manual_seed(0)
    return MODELS.build(dict(type='DualBranchBackbone', encoder=encoder,
                             **options))


@pytest.mark.parametrize('kind, options', [
    ('ViT', dict(strides=(2, 4, 8, 16))),
    ('TinyViT', dict(out_indices=(0, 2, 2), strides=(2, 4, 8))),
    ('plain TinyViT', dict(out_indices=(1, 2), strides=(1, 16))),
])
@pytest.mark.parametrize('with_gradients', [False, True])
def test_levels_have_their_strides_and_the_encoders_own_features(
        tiny_cfg, kind, options, with_gradients):
    cfg = encoder_cfg(kind, tiny_cfg)
    backbone = build(cfg, **options).eval()
    outside = MODELS.build(cfg).eval()
    outside.load_state_dict(backbone.encoder.state_dict())
    side = outside.img_size
    images = torch.randn(2, 3, side, side)
    seen = []
    backbone.pyramid.register_forward_pre_hook(
        lambda _, inputs: seen.extend(inputs[0]))
    with torch.set_grad_enabled(with_gradients):
        levels = backbone(images)
        embedding = outside(images)
    assert [level.shape for level in levels] == [
        (2, channels, side // stride, side // stride) for channels, stride
        in zip(backbone.channels, options['strides'], strict=True)]
    assert torch.equal(seen[-1], embedding)


def test_a_level_of_the_maps_own_stride_is_the_map(tiny_cfg):
    backbone = build(encoder_cfg('TinyViT', tiny_cfg), out_indices=(0, 1, 2),
                     strides=(2, 4, 4)).eval()
    images = torch.randn(1, 3, 32, 32)
    with torch.no_grad():
        for level, stage in zip(backbone(images),
                                backbone.encoder.stage_maps(images),
                                strict=True):
            assert torch.equal(level, stage)


def test_stage_maps_are_those_at_the_end_of_each_stage(tiny_cfg):
    """Later blocks must not write over them."""
    encoder = MODELS.build(encoder_cfg('TinyViT', tiny_cfg)).eval()
    ends = []
    for neck in encoder.necks[:-1]:
        neck.register_forward_hook(
            lambda _, inputs, output: ends.append(output[0].clone()))
    with torch.no_grad():
        maps = encoder.stage_maps(torch.randn(1, 3, 32, 32))
    for stage, end in zip(maps, ends, strict=False):
        assert torch.equal(stage, end.permute(0, 3, 1, 2))


def test_mmseg_finds_it_in_its_own_scope():
    registry = pytest.importorskip('mmseg.registry')
    found = registry.MODELS.get('mmdbsam.DualBranchBackbone')
    assert found is MODELS.get('DualBranchBackbone')
    with DefaultScope.overwrite_default_scope('mmseg'):
        built = registry.MODELS.build(dict(
            type='mmdbsam.DualBranchBackbone', encoder=dict(
                type='DualBranchEncoder', vit=TINY_VIT),
            out_indices=(0, 2), strides=(2, 4)))
    assert built.channels == [8, 20]


def test_what_is_frozen_gets_no_gradient_and_stays_in_evaluation_mode(
        tiny_cfg):
    options = dict(out_indices=(0, 2), strides=(1, 4))
    backbone = build(encoder_cfg('TinyViT', tiny_cfg), **options).train()
    trained = {name.split('.')[1] if name.startswith('encoder.') else 'pyramid'
               for name, parameter in backbone.named_parameters()
               if parameter.requires_grad}
    assert trained == {'adapters', 'stem', 'necks', 'fusion', 'vit',
                       'pyramid'}
    assert not backbone.encoder.vit.layers.training
    frozen = build(encoder_cfg('TinyViT', tiny_cfg), frozen=True,
                   **options).train()
    assert not any(module.training for module in frozen.encoder.modules())
    assert frozen.pyramid.training
    assert {name.split('.')[0] for name, parameter
            in frozen.named_parameters()
            if parameter.requires_grad} == {'pyramid'}


def test_checkpointing_gives_the_same_gradients(tiny_cfg):
    cfg = encoder_cfg('TinyViT', tiny_cfg)
    options = dict(out_indices=(0, 1, 2), strides=(4, 4, 4))
    gradients = []
    for with_cp in (False, True):
        backbone = build(dict(cfg, with_cp=with_cp), **options).train()
        torch.manual_seed(1)
        levels = backbone(torch.randn(1, 3, 32, 32))
        sum(level.square().sum() for level in levels).backward()
        gradients.append({name: parameter.grad for name, parameter
                          in backbone.named_parameters()
                          if parameter.grad is not None})
    first, second = gradients
    assert first.keys() == second.keys() and first
    for name, gradient in first.items():
        torch.testing.assert_close(second[name], gradient)


def test_it_starts_from_the_weights_of_a_promptable_model(
        tiny_cfg, tiny_checkpoint, tmp_path):
    backbone = build(encoder_cfg('ViT', tiny_cfg), strides=(2, 4, 8, 16),
                     pretrained=str(tiny_checkpoint))
    backbone.init_weights()
    saved = torch.load(tiny_checkpoint)['state_dict']
    for name, value in backbone.encoder.state_dict().items():
        assert torch.equal(value, saved[f'image_encoder.{name}']), name
    # A second file replaces what it holds, and nothing else.
    part = tmp_path / 'part.pth'
    key = 'image_encoder.vit.channel_reduction.0.weight'
    torch.save({key: torch.ones_like(saved[key])}, part)
    backbone.pretrained.append(str(part))
    backbone.init_weights()
    assert (backbone.encoder.vit.channel_reduction[0].weight == 1).all()
    other = 'vit.channel_reduction.2.weight'
    assert torch.equal(backbone.encoder.state_dict()[other],
                       saved[f'image_encoder.{other}'])
    backbone.pretrained = [str(part)]
    with pytest.raises(InputError, match='part.pth .*without .* more'):
        backbone.init_weights()


@pytest.mark.parametrize('options, message', [
    (dict(out_indices=(0, 3), strides=(2, 4)),
     r"expected indices of the encoder's 3 maps, found \(0, 3\)"),
    (dict(out_indices=(0, 2), strides=(2, )),
     r'strides: expected one for each of the 2 out_indices, found \(2,\)'),
    (dict(out_indices=(0, 2), strides=(2, 12)),
     'strides: expected a power of 2 times or a part of 4'),
    (dict(out_indices=(0, 2), strides=(2, 3)), 'which is that of the map'),
])
def test_a_pyramid_that_cannot_be_made_is_refused(tiny_cfg, options, message):
    with pytest.raises(InputError, match=message):
        build(encoder_cfg('TinyViT', tiny_cfg), **options)
