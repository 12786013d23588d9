"""Adapters within frozen blocks: what they add, and what they leave alone."""

import copy

import pytest
import torch
import torch.nn.functional as F
from devices import build_here
from torch import nn

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_pretrained, load_weights

SAM = dict(
    type='SAMViT', arch=dict(embed_dims=48, num_layers=2, num_heads=4,
                             feedforward_channels=96,
                             global_attn_indexes=[1]),
    img_size=64, patch_size=8, window_size=6, num_stages=2, out_channels=16)
TINY = dict(type='SAMTinyViT', img_size=32, widths=(8, 16, 16, 32),
            depths=(1, 1, 2, 1), num_heads=(2, 2, 4), window_sizes=(7, 4, 7),
            out_channels=16)
LORA = dict(type='LoRA', rank=4)
BOTTLENECK = dict(type='BottleneckAdapter', zero_init=True)
pytestmark = pytest.mark.usefixtures('device')


def build(vit, adapter):
    """Build an encoder with random weights, except for its adapters."""
    encoder = MODELS.build(dict(type='DualBranchEncoder', vit=vit,
                                adapter=adapter)).eval()
    torch.manual_seed(0)
    for name, parameter in encoder.vit.named_parameters():
        nn.init.normal_(parameter, 1. if 'norm' in name else 0., 0.2)
    return encoder


def randomize(adapters):
    for parameter in adapters.parameters():
        nn.init.normal_(parameter, std=0.2)


def images(encoder):
    torch.manual_seed(1)
    return torch.randn(2, 3, encoder.img_size, encoder.img_size)


def rows_of(attention, part):
    """The rows of q (0), k (1) or v (2) in the fused projection's weights.

    They are split as in the official code of each encoder.
    """
    channels = attention.qkv.in_features
    if 'tiny' in type(attention).__module__:
        of_head = torch.arange(3 * channels).view(attention.num_heads, 3, -1)
        return of_head[:, part].flatten()
    return torch.arange(3 * channels).view(3, -1)[part]


@torch.no_grad()
@pytest.mark.parametrize('vit', [SAM, TINY], ids=['sam', 'tiny'])
def test_lora_is_an_update_of_the_weights_of_q_and_v(vit):
    adapted, merged = build(vit, LORA), build(vit, None)
    randomize(adapted.adapters)
    before = merged(images(merged))
    for stage, blocks in zip(adapted.adapters, merged.vit.stages,
                             strict=True):
        for lora, block in zip(stage, blocks, strict=True):
            attention, _ = merged.vit.attention_and_mlp(block)
            for part, low_rank in ((0, lora.query), (2, lora.value)):
                down, up = low_rank
                assert down.weight.shape[0] == 4
                attention.qkv.weight[rows_of(attention, part)] += (
                    up.weight @ down.weight)
    found, wanted = adapted(images(adapted)), merged(images(merged))
    torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-4)
    assert not torch.allclose(found, before, atol=1e-2)


def bottleneck(layers, x):
    down, _, up = layers
    return F.linear(F.gelu(F.linear(x, down.weight, down.bias)), up.weight,
                    up.bias)


@torch.no_grad()
def test_bottleneck_adapter_in_sams_block():
    encoder = build(SAM, BOTTLENECK)
    randomize(encoder.adapters)
    plain = build(SAM, None).vit.layers[1]  # attends to the whole map
    adapter = encoder.adapters[1][0]
    x = torch.randn(2, 8, 8, 48)
    attended = plain.attn(plain.ln1(x))
    y = x + attended + bottleneck(adapter.after_attention, attended)
    normed = plain.ln2(y)
    wanted = y + plain.ffn.layers(normed) + 0.5 * bottleneck(
        adapter.beside_mlp, normed)
    torch.testing.assert_close(encoder.vit.layers[1](x), wanted)


@torch.no_grad()
def test_bottleneck_adapter_in_tiny_vits_block():
    encoder = build(TINY, BOTTLENECK)
    randomize(encoder.adapters)
    plain = build(TINY, None).vit.layers[2].blocks[1]  # 2 x 2 windows of 4
    adapter = encoder.adapters[1][1]
    x = torch.randn(2, 8, 8, 16)
    windows = x.unflatten(1, (2, 4)).unflatten(3, (2, 4)).transpose(2, 3)
    attended = plain.attn(windows.reshape(-1, 16, 16))
    attended = attended + bottleneck(adapter.after_attention, attended)
    attended = attended.view(2, 2, 2, 4, 4, 16).transpose(2, 3)
    y = (x + attended.reshape(x.shape)).permute(0, 3, 1, 2)
    y = plain.local_conv(y).permute(0, 2, 3, 1)
    wanted = y + plain.mlp(y) + 0.5 * bottleneck(adapter.beside_mlp, y)
    torch.testing.assert_close(encoder.vit.layers[2].blocks[1](x), wanted)


@torch.no_grad()
@pytest.mark.parametrize('adapter', [LORA, BOTTLENECK],
                         ids=['lora', 'bottleneck'])
@pytest.mark.parametrize('vit', [SAM, TINY], ids=['sam', 'tiny'])
def test_starts_as_the_encoder_whose_names_it_leaves(vit, adapter):
    adapted, plain = build(vit, adapter), build(vit, None)
    # The plain encoder may use fused layers, which adapters within blocks
    # cannot.
    torch.testing.assert_close(adapted(images(adapted)), plain(images(plain)),
                               rtol=1e-5, atol=1e-5)
    assert adapted.vit.state_dict().keys() == plain.vit.state_dict().keys()
    assert len(list(adapted.adapters.parameters())) == 4 * sum(
        map(len, adapted.adapters)) * (1 if adapter is LORA else 2)


@torch.no_grad()
def test_a_copy_has_adapters_of_its_own():
    encoder = build(TINY, LORA)
    before = encoder(images(encoder))
    other = copy.deepcopy(encoder)
    randomize(other.adapters)
    assert torch.equal(encoder(images(encoder)), before)
    assert not torch.allclose(other(images(other)), before, atol=1e-2)


def test_placement_stage_adapts_the_last_block_of_each():
    encoder = build(TINY, dict(LORA, placement='stage'))
    hooks = [[len(encoder.vit.attention_and_mlp(block)[0].qkv._forward_hooks)
              for block in blocks] for blocks in encoder.vit.stages]
    assert hooks == [[1], [0, 1], [1]]


@pytest.fixture
def segmentor(tiny_cfg):
    """The tiny model, frozen, with an adapter alone."""

    def build(adapter, **encoder):
        cfg = copy.deepcopy(tiny_cfg.model)
        cfg.image_encoder.update(stem=None, neck=None, fusion=None,
                                 norm=None, **encoder)
        cfg.image_encoder.adapter = adapter
        cfg.image_encoder.vit.frozen = True
        torch.manual_seed(0)
        return build_here(cfg)

    return build


def losses(model):
    torch.manual_seed(0)
    batch = model.data_preprocessor(
        random_batch(model.image_encoder.img_size, 2, 2))
    return sum(model(**batch, mode='loss').values())


@pytest.mark.parametrize('adapter', [LORA, BOTTLENECK],
                         ids=['lora', 'bottleneck'])
def test_trains_the_adapters_reduction_and_decoder_alone(segmentor, adapter,
                                                          tmp_path):
    sam = segmentor(None)
    torch.save(sam.state_dict(), tmp_path / 'sam.pth')
    model = segmentor(adapter).train()
    load_pretrained(model, str(tmp_path / 'sam.pth'))
    torch.testing.assert_close(losses(model), losses(sam.train()))
    before = {name: value.clone()
              for name, value in model.state_dict().items()}
    optimizer = torch.optim.Adam(
        [p for p in model.parameters() if p.requires_grad], 1e-3)
    for _ in range(2):
        optimizer.zero_grad()
        losses(model).backward()
        optimizer.step()
    changed = {name for name, value in model.state_dict().items()
               if not torch.equal(value, before[name])}
    trained = {name for name, parameter in model.named_parameters()
               if parameter.requires_grad}
    assert changed <= trained
    encoder = {name for name in trained if name.startswith('image_encoder')}
    assert encoder <= changed
    assert {'.'.join(name.split('.')[:3]) for name in encoder} == {
        'image_encoder.vit.channel_reduction',
        *(f'image_encoder.adapters.{stage}' for stage in range(4))}

    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'trained.pth')
    resumed = segmentor(adapter).train()
    load_weights(resumed, str(tmp_path / 'trained.pth'))
    torch.testing.assert_close(losses(resumed), losses(model))


@pytest.mark.parametrize('adapter', [LORA, BOTTLENECK],
                         ids=['lora', 'bottleneck'])
def test_checkpointing_changes_no_gradient(segmentor, adapter, device):
    gradients = []
    for with_cp in (False, True):
        model = segmentor(adapter, with_cp=with_cp).train()
        randomize(model.image_encoder.adapters)
        losses(model).backward()
        gradients.append({name: parameter.grad for name, parameter
                          in model.named_parameters()
                          if parameter.grad is not None})
    assert gradients[0].keys() == gradients[1].keys()
    for name, gradient in gradients[0].items():
        # GPUs add a value's gradients in any order.
        torch.testing.assert_close(
            gradients[1][name], gradient, msg=name,
            **dict(rtol=0, atol=0) if device == 'cpu' else {})
