"""The composed model runs with and without each block, trains and overfits."""

import argparse
import copy

import pytest
import torch
from devices import build_here
from mmengine.dataset import pseudo_collate
from mmengine.structures import InstanceData

from mmdbsam.cli.options import load_config
from mmdbsam.registry import DATASETS, MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample

CONFIG = 'tests/data/dbsam_tiny_spine.py'
pytestmark = pytest.mark.usefixtures('device')


def batch_of_noise(model, count=2, prompts=2):
    """Random images whose masks are their boxes."""
    side = model.image_encoder.img_size
    samples, images = [], []
    for _ in range(count):
        corner = torch.randint(0, side // 2, (prompts, 2))
        boxes = torch.cat([corner, corner + side // 4], 1)
        masks = torch.zeros(prompts, side, side, dtype=torch.uint8)
        for mask, (x0, y0, x1, y1) in zip(masks, boxes, strict=True):
            mask[y0:y1 + 1, x0:x1 + 1] = 1
        samples.append(PromptDataSample(
            prompts=InstanceData(boxes=boxes.float()),
            gt_instances=InstanceData(masks=masks),
            metainfo=dict(img_shape=(side, side))))
        images.append(torch.randint(0, 256, (3, side, side),
                                    dtype=torch.uint8))
    return model.data_preprocessor(dict(inputs=images, data_samples=samples))


def train_steps(model, steps, lr=1e-3):
    """Train on noise, and name the parameters with gradients in each step.
    """
    torch.manual_seed(0)
    batch = batch_of_noise(model)
    trained = {name: parameter for name, parameter in model.named_parameters()
               if parameter.requires_grad}
    optimizer = torch.optim.SGD(trained.values(), lr)
    reached = set()
    for _ in range(steps):
        optimizer.zero_grad()
        sum(model(**batch, mode='loss').values()).backward()
        reached |= {name for name, parameter in trained.items()
                    if parameter.grad is not None
                    and parameter.grad.abs().sum() > 0}
        optimizer.step()
    return set(trained), reached


@pytest.mark.parametrize('frozen', [True, False])
@pytest.mark.parametrize('without', [(), ('adapter', ), ('neck', ),
                                     ('fusion', ), ('stem', ), ('norm', ),
                                     ('adapter', 'stem', 'neck', 'fusion',
                                      'norm')])
def test_every_trainable_parameter_is_reached(tiny_cfg, frozen, without):
    """This holds after two steps from zero_init, for all sets of blocks."""
    encoder = tiny_cfg.model.image_encoder
    encoder.vit.frozen = frozen
    encoder.update({name: None for name in without})
    model = build_here(tiny_cfg.model)
    model.train()
    trained, reached = train_steps(model, steps=3, lr=0.1)
    assert trained == reached
    backbone = [name for name in trained
                if name.startswith('image_encoder.vit.layers')]
    assert bool(backbone) == (not frozen)


@pytest.mark.parametrize('swap', [
    dict(fusion=dict(_delete_=True, type='SingleBranchFusion', branch='vit')),
    dict(fusion=dict(_delete_=True, type='SingleBranchFusion', branch='conv')),
    dict(fusion=dict(_delete_=True, type='HadamardFusion')),
    dict(neck=dict(type='PyramidSelfAttention'),
         fusion=dict(type='SoftmaxFusion')),
    dict(neck=dict(type='PyramidSelfAttention'), fusion=None),
    dict(neck=dict(type='PyramidSelfAttention'),
         fusion=dict(_delete_=True, type='SingleBranchFusion', branch='conv')),
], ids=str)
def test_other_blocks_leave_no_parameter_unreached(tiny_cfg, swap):
    """Distributed training fails if a parameter is left unreached."""
    tiny_cfg.merge_from_dict(dict(model=dict(
        image_encoder=dict(copy.deepcopy(swap), vit=dict(frozen=True)))))
    trained, reached = train_steps(
        build_here(tiny_cfg.model).train(), steps=3, lr=0.1)
    assert trained == reached


@pytest.mark.parametrize('placement', ['block', 'stage'])
@pytest.mark.parametrize('amp', [False, True])
def test_checkpointing_changes_no_gradient(tiny_cfg, placement, amp, device):
    """Dropout and drop path are drawn again as in the forward pass."""
    encoder = tiny_cfg.model.image_encoder
    encoder.adapter.update(placement=placement, zero_init=False)
    encoder.neck.update(dropout=0.2, drop_path=0.2, zero_init=False)
    encoder.fusion.update(drop_path=0.2, zero_init=False)
    torch.manual_seed(0)
    model = build_here(tiny_cfg.model).train()
    batch = batch_of_noise(model)
    saved, gradients = {}, {}
    for with_cp in (False, True):
        model.image_encoder.with_cp = with_cp
        model.zero_grad()
        torch.manual_seed(1)
        sizes = []
        with torch.autograd.graph.saved_tensors_hooks(
                lambda x: sizes.append(x.numel()) or x,  # noqa: B023
                lambda x: x), torch.autocast(device, torch.bfloat16, amp):
            loss = sum(model(**batch, mode='loss').values())
        saved[with_cp] = sum(sizes)
        loss.backward()
        gradients[with_cp] = {name: parameter.grad for name, parameter
                              in model.named_parameters()
                              if parameter.grad is not None}
    assert saved[True] < 0.7 * saved[False]
    assert gradients[True].keys() == gradients[False].keys()
    for name, gradient in gradients[True].items():
        # GPUs add a value's gradients in any order.
        torch.testing.assert_close(
            gradient, gradients[False][name], msg=name,
            **dict(rtol=0, atol=0) if device == 'cpu' else {})


@pytest.mark.parametrize('block', ['adapter', 'stem', 'neck', 'fusion',
                                   'norm'])
def test_blocks_can_be_removed_from_the_command_line(block, prepared_spine,
                                                     repo_root):
    from mmdbsam.cli.options import add_runner_arguments
    parser = argparse.ArgumentParser()
    parser.add_argument('config')
    add_runner_arguments(parser)
    cfg = load_config(parser.parse_args([
        str(repo_root / CONFIG), '--cfg-options',
        f'model.image_encoder.{block}=None', f'data_root={prepared_spine}']))
    assert cfg.model.image_encoder[block] is None
    assert cfg.test_evaluator.data_root == str(prepared_spine)
    model = build_here(cfg.model)
    encoder = model.image_encoder
    gone = dict(adapter=not list(encoder.adapters.parameters()),
                stem=encoder.stem is None,
                neck=all(neck is None for neck in encoder.necks),
                fusion=encoder.fusion is None,
                norm=encoder.norm is None)
    assert gone[block]
    trained, reached = train_steps(model.train(), steps=1)
    assert reached and reached <= trained


def test_frozen_vit_stays_in_eval_mode_and_its_reduction_trains(tiny_cfg):
    tiny_cfg.model.image_encoder.vit.update(frozen=True, drop_rate=0.5)
    vit = MODELS.build(tiny_cfg.model).train().image_encoder.vit
    assert not any(m.training for m in vit.layers.modules())
    assert not vit.drop_after_pos.training
    assert vit.channel_reduction.training
    assert all(p.requires_grad for p in vit.channel_reduction.parameters())
    assert not any(p.requires_grad for p in vit.layers.parameters())


def test_no_graph_below_the_first_trained_block(tiny_cfg):
    tiny_cfg.model.image_encoder.update(adapter=None)
    tiny_cfg.model.image_encoder.vit.frozen = True
    encoder = MODELS.build(tiny_cfg.model).image_encoder
    image = torch.randn(1, 3, encoder.img_size, encoder.img_size)
    tokens = encoder.vit.embed(image)
    assert not encoder.vit.stages[0][0](tokens).requires_grad


def test_placement_stage_puts_one_adapter_at_the_end_of_each(tiny_cfg):
    cfg = tiny_cfg.model.image_encoder
    cfg.vit.arch.update(num_layers=8)
    for placement, expected in (('block', [True, True]),
                                ('stage', [False, True])):
        cfg.adapter.placement = placement
        for stage in MODELS.build(cfg).adapters:
            assert [len(list(a.parameters())) > 0 for a in stage] == expected
    cfg.adapter.placement = 'layer'
    with pytest.raises(ValueError, match="expected 'block' or 'stage'"):
        MODELS.build(cfg)


@torch.no_grad()
def test_the_norm_comes_between_the_fusion_and_sams_neck(tiny_cfg):
    cfg = tiny_cfg.model.image_encoder
    cfg.norm = dict(type='OutputNorm')
    torch.manual_seed(0)
    encoder = MODELS.build(cfg).eval()
    for parameter in encoder.norm.parameters():
        torch.nn.init.normal_(parameter)
    seen = {}
    encoder.fusion.register_forward_hook(
        lambda module, inputs, output: seen.update(fused=output))
    encoder.vit.channel_reduction.register_forward_pre_hook(
        lambda module, inputs: seen.update(normed=inputs[0]))
    encoder(torch.randn(1, 3, encoder.img_size, encoder.img_size))
    norm = encoder.norm.norm
    wanted = torch.nn.functional.layer_norm(
        seen['fused'], (48, ), norm.weight, norm.bias, 1e-5)
    torch.testing.assert_close(seen['normed'], wanted.permute(0, 3, 1, 2))


@torch.no_grad()
def test_a_norm_that_is_blended_in_changes_nothing_at_first():
    norm = MODELS.build(dict(type='OutputNorm', channels=4, zero_init=True))
    tokens = torch.randn(2, 3, 3, 4) * 10
    assert torch.equal(norm(tokens), tokens)
    norm.gate_scale.fill_(0.5)
    wanted = (tokens + norm.norm(tokens)) / 2
    torch.testing.assert_close(norm(tokens), wanted)


def test_wrong_image_side_is_named(tiny_cfg):
    encoder = MODELS.build(tiny_cfg.model.image_encoder)
    with pytest.raises(ValueError, match=r'images: expected \(128, 128\)'):
        encoder(torch.zeros(1, 3, 64, 64))


def test_encode_once_decode_many(tiny_cfg):
    """The prompts of an image do not affect each other."""
    model = build_here(tiny_cfg.model).eval()
    batch = batch_of_noise(model, count=1, prompts=3)
    boxes = batch['data_samples'][0].prompts.boxes
    with torch.no_grad():
        embedding = model.encode_image(batch['inputs'])
        together, _ = model.decode_prompts(embedding, boxes=boxes)
        alone, _ = model.decode_prompts(embedding, boxes=boxes[1:2])
    torch.testing.assert_close(together[1:2], alone, rtol=1e-4, atol=1e-5)


def dice(model, samples):
    """Mean DSC over the prompts of training samples, on the input grid."""
    model.eval()
    batch = model.data_preprocessor(pseudo_collate(samples))
    with torch.no_grad():
        decoded = model(**batch, mode='tensor')
    scores = []
    for sample, (logits, _) in zip(batch['data_samples'], decoded,
                                   strict=True):
        masks = sample.gt_instances.masks[..., :sample.img_shape[0],
                                :sample.img_shape[1]].bool()
        found = model.to_masks(logits, sample.img_shape, sample.img_shape)
        overlap = (masks & found).sum((1, 2))
        scores.append(2 * overlap / (masks.sum((1, 2)) + found.sum((1, 2))))
    return torch.cat(scores).mean().item()


def test_overfits_eight_samples(tiny_cfg, prepared_spine):
    torch.manual_seed(0)
    dataset_cfg = tiny_cfg.train_dataloader.dataset
    dataset_cfg.update(data_root=str(prepared_spine), min_area=100)
    dataset_cfg.pipeline[1].min_area = 100
    dataset = DATASETS.build(dataset_cfg)
    samples = [dataset[i] for i in range(0, len(dataset), len(dataset) // 8)
               ][:8]
    model = build_here(tiny_cfg.model).train()
    optimizer = torch.optim.AdamW(model.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=3e-3,
                                                   total_steps=110)
    batch = model.data_preprocessor(pseudo_collate(samples))
    for _ in range(110):
        optimizer.zero_grad()
        sum(model(**batch, mode='loss').values()).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.)
        optimizer.step()
        schedule.step()
    found = dice(model, samples)
    assert found > 0.95


class HierarchicalViT(torch.nn.Module):
    """A backbone whose stages differ in width and grid."""

    img_size, out_size, stage_widths = (64, 64), 8, [8, 12, 20]

    def __init__(self):
        super().__init__()
        widths = [8, *self.stage_widths]
        self.patch = torch.nn.Conv2d(3, 8, 1)
        self.blocks = torch.nn.ModuleList(
            torch.nn.ModuleList([Downsample(*pair)])
            for pair in zip(widths, widths[1:], strict=False))
        self.channel_reduction = torch.nn.Conv2d(20, 256, 1)

    @property
    def stages(self):
        return list(self.blocks)

    def embed(self, images):
        return self.patch(images).permute(0, 2, 3, 1)


class Downsample(torch.nn.Module):
    """A step from (B, h, w, C) to (B, h / 2, w / 2, another C)."""

    def __init__(self, channels, out_channels):
        super().__init__()
        self.conv = torch.nn.Conv2d(channels, out_channels, 2, stride=2)

    def forward(self, tokens):
        return self.conv(tokens.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def test_each_stage_may_have_its_own_width_and_grid(tiny_cfg):
    MODELS.register_module(module=HierarchicalViT, force=True)
    cfg = tiny_cfg.model.image_encoder
    cfg.vit = dict(type='HierarchicalViT')
    cfg.fusion.reduction = 2
    encoder = MODELS.build(cfg)
    embedding = encoder(torch.randn(2, 3, 64, 64))
    assert embedding.shape == (2, 256, 8, 8)
    widths = [neck.vit_reads_conv.query_norm.normalized_shape[0]
              for neck in encoder.necks]
    assert widths == [8, 12, 20]
    assert {neck.conv_reads_vit.query_norm.normalized_shape[0]
            for neck in encoder.necks} == {24}
