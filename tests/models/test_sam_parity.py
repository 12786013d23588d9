"""The model without added blocks, or with them at zero, is SAM."""

import gc
from functools import partial

import pytest
import torch
from segment_anything import sam_model_registry
from segment_anything.modeling import ImageEncoderViT, Sam
from torch import nn

from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample

pytestmark = pytest.mark.usefixtures('device')
# (blocks, heads, width, global attention) of SAM's encoders.
ENCODERS = {
    'base': (12, 12, 768, (2, 5, 8, 11)),
    'large': (24, 16, 1024, (5, 11, 17, 23)),
    'huge': (32, 16, 1280, (7, 15, 23, 31)),
}
ADDED = dict(
    adapter=dict(type='ChannelAttention', zero_init=True),
    stem=dict(type='ConvStem', channels=96, widths=(8, 8, 8)),
    neck=dict(type='BilateralCrossAttention', zero_init=True, expansion=0.5),
    fusion=dict(type='GatedFusion', zero_init=True, mlp_ratio=0.5))


@pytest.fixture(autouse=True)
def freed_models():
    """Free the models of each test, of which two ViT-H have 5 GB."""
    yield
    gc.collect()


def randomize(module):
    """Set random weights, as SAM's initial zeros could hide an error."""
    for name, parameter in module.named_parameters():
        if 'pos' in name and parameter.dim() > 1:
            nn.init.normal_(parameter, std=0.02)


def build_sam(arch, side):
    """segment_anything's model, with random weights."""
    torch.manual_seed(0)
    sam = sam_model_registry['vit_b']()
    depth, heads, width, global_blocks = ENCODERS[arch]
    if arch != 'base' or side != 1024:
        encoder = ImageEncoderViT(
            depth=depth, embed_dim=width, img_size=side, mlp_ratio=4,
            norm_layer=partial(nn.LayerNorm, eps=1e-6), num_heads=heads,
            patch_size=16, qkv_bias=True, use_rel_pos=True,
            global_attn_indexes=global_blocks, window_size=14, out_chans=256)
        sam = Sam(encoder, sam.prompt_encoder, sam.mask_decoder).eval()
        prompts = sam.prompt_encoder
        grid = side // 16
        prompts.input_image_size = (side, side)
        prompts.image_embedding_size = (grid, grid)
    randomize(sam)
    return sam


def build_ours(arch, side, sam, **added):
    model = MODELS.build(dict(
        type='PromptSegmentor',
        data_preprocessor=dict(type='SAMDataPreProcessor', size=side),
        image_encoder=dict(
            type='DualBranchEncoder',
            vit=dict(type='SAMViT', arch=arch, img_size=side), **added),
        prompt_encoder=dict(type='SAMPromptEncoder'),
        mask_head=dict(type='SAMMaskHead')))
    missing, unexpected = model.load_state_dict(sam.state_dict(),
                                                strict=False)
    assert not unexpected
    assert bool(missing) == bool(added)
    return model.to(torch.get_default_device()).eval()


def relative_difference(actual, expected):
    return ((actual - expected).abs().max() / expected.abs().max()).item()


@torch.no_grad()
@pytest.mark.parametrize('arch, side', [('base', 1024), ('large', 256),
                                        ('huge', 256)])
def test_embedding_and_logits_equal_segment_anything(arch, side):
    sam = build_sam(arch, side)
    model = build_ours(arch, side, sam)
    image = torch.randn(1, 3, side, side)
    expected = sam.image_encoder(image)
    embedding = model.encode_image(image)
    assert relative_difference(embedding, expected) < 1e-4

    boxes = torch.tensor([[10., 20, 100, 90], [0, 0, side - 1, side - 1]])
    points = (torch.rand(2, 3, 2) * side, torch.tensor([[1, 0, 1]] * 2))
    masks = torch.randn(2, 1, side // 4, side // 4)
    for prompts in (dict(boxes=boxes), dict(points=points),
                    dict(masks=masks),
                    dict(boxes=boxes, points=points, masks=masks)):
        for multimask in (False, True):
            given = dict(boxes=None, points=None, masks=None) | prompts
            sparse, dense = sam.prompt_encoder(**given)
            wanted = sam.mask_decoder(
                image_embeddings=expected,
                image_pe=sam.prompt_encoder.get_dense_pe(),
                sparse_prompt_embeddings=sparse,
                dense_prompt_embeddings=dense, multimask_output=multimask)
            found = model.decode_prompts(embedding, **prompts,
                                         multimask_output=multimask)
            for ours, theirs in zip(found, wanted, strict=True):
                assert relative_difference(ours, theirs) < 1e-4


@torch.no_grad()
@pytest.mark.parametrize('placement', ['block', 'stage'])
def test_zero_init_starts_at_sam(placement):
    sam = build_sam('base', 256)
    added = ADDED | dict(adapter=ADDED['adapter'] | dict(placement=placement))
    model = build_ours('base', 256, sam, **added)
    image = torch.randn(1, 3, 256, 256)
    boxes = torch.tensor([[10., 20, 100, 90]])
    embedding = model.encode_image(image)
    assert relative_difference(embedding, sam.image_encoder(image)) < 1e-5
    plain = build_ours('base', 256, sam)
    logits, iou = model.decode_prompts(embedding, boxes=boxes)
    wanted = plain.decode_prompts(plain.encode_image(image), boxes=boxes)
    assert relative_difference(logits, wanted[0]) < 1e-5
    assert relative_difference(iou, wanted[1]) < 1e-5


@torch.no_grad()
def test_preprocessing_and_postprocessing_equal_segment_anything():
    sam = build_sam('base', 256)
    model = build_ours('base', 256, sam)
    image = torch.randint(0, 256, (3, 171, 256), dtype=torch.uint8)
    batch = model.data_preprocessor(
        dict(inputs=[image], data_samples=[PromptDataSample()]))
    torch.testing.assert_close(batch['inputs'][0],
                               sam.preprocess(image.float()))
    logits = torch.randn(2, 1, 64, 64)
    wanted = sam.postprocess_masks(logits, (171, 256), (342, 512)) > 0
    found = model.to_masks(logits, (171, 256), (342, 512))
    assert torch.equal(found, wanted[:, 0])


@torch.no_grad()
@pytest.mark.parametrize('side', [256, 512])
def test_position_embeddings_are_interpolated_on_loading(side):
    sam = build_sam('base', 1024)
    model = build_ours('base', side, sam)
    vit = model.image_encoder.vit
    grid = side // 16
    assert vit.pos_embed.shape == (1, grid, grid, 768)
    assert vit.layers[2].attn.rel_pos_h.shape == (2 * grid - 1, 64)

    wanted = nn.functional.interpolate(
        sam.image_encoder.pos_embed.permute(0, 3, 1, 2), (grid, grid),
        mode='bicubic')
    torch.testing.assert_close(vit.pos_embed.permute(0, 3, 1, 2), wanted)
    assert model.encode_image(torch.zeros(1, 3, side, side)).shape == (
        1, 256, grid, grid)
