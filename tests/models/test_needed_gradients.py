"""Frozen parts cost no graph, gradients, optimiser states or DDP buckets."""


import pytest
import torch
from devices import build_here
from mmengine.optim import build_optim_wrapper
from torch.nn.parallel import DistributedDataParallel

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.registry import MODELS

ADDED = ('adapter', 'stem', 'neck', 'fusion', 'norm')
# What several processes exchange stays on the CPU here.
on_each_device = pytest.mark.usefixtures('device')


@pytest.fixture
def build(tiny_cfg):
    """The tiny model with its ViT frozen, without some blocks."""

    def build(without=(), **adapter):
        encoder = tiny_cfg.model.image_encoder
        encoder.vit.frozen = True
        encoder.adapter.update(adapter)
        encoder.update(dict.fromkeys(without))
        return build_here(tiny_cfg.model).train()

    return build


def batch_of_noise(model):
    return model.data_preprocessor(
        random_batch(model.image_encoder.img_size, 2, 2))


def blocks_with_a_graph(model, batch):
    """Say for each of the ViT's blocks, in order, whether it has a graph."""
    found = []
    handles = [layer.register_forward_hook(
        lambda module, inputs, output: found.append(output.requires_grad))
        for layer in model.image_encoder.vit.layers]
    sum(model(**batch, mode='loss').values()).backward()
    for handle in handles:
        handle.remove()
    return found


@on_each_device
@pytest.mark.parametrize('without, adapter, wanted', [
    # An adapter after every block: all but the first feel it.
    ((), dict(placement='block'), [False, True, True, True]),
    # No adapter: the first stage's exchange is the first that trains.
    (('adapter', ), {}, [False, True, True, True]),
    (('adapter', 'neck'), {}, [False] * 4),
    (ADDED, {}, [False] * 4),
])
def test_the_graph_begins_at_the_first_trainable_block(build, without,
                                                       adapter, wanted):
    model = build(without, **adapter)
    assert blocks_with_a_graph(model, batch_of_noise(model)) == wanted


@on_each_device
def test_tiny_vit_builds_no_graph_below_its_channel_reduction():
    vit = MODELS.build(dict(
        type='SAMTinyViT', img_size=32, widths=(8, 16, 16, 32),
        depths=(1, 1, 2, 1), num_heads=(2, 2, 4), window_sizes=(7, 4, 7),
        out_channels=16)).train()
    tokens = vit.embed(torch.randn(1, 3, 32, 32))
    for blocks in vit.stages:
        for block in blocks:
            tokens = block(tokens)
    assert not tokens.requires_grad
    assert vit.channel_reduction(
        tokens.permute(0, 3, 1, 2)).requires_grad


def test_frozen_parts_stay_in_evaluation_mode(build):
    model = build()
    training = {name for name, module
                in model.image_encoder.vit.named_modules() if module.training}
    assert all(name.startswith('channel_reduction') for name in training)
    assert model.image_encoder.stem.training


@pytest.mark.parametrize('is_interactive', [False, True])
def test_states_and_buckets_are_those_of_what_trains(
        build, tiny_cfg, free_port, is_interactive):
    if is_interactive:
        tiny_cfg.model.update(refinement=dict(rounds=2, multimask=True))
        tiny_cfg.model.prompt_encoder.trained_prompts = (
            'boxes', 'points', 'masks')
        tiny_cfg.model.mask_head.update(
            iou_loss=dict(type='PredictedIoULoss'), trains_multimask=True)
    model = build()
    # Neither points nor rough masks come first, and yet all embeddings are
    # reached.
    batch = batch_of_noise(model)
    trained = {id(parameter): parameter for parameter in model.parameters()
               if parameter.requires_grad}
    assert len(trained) < len(list(model.parameters()))
    optimizer = build_optim_wrapper(model, dict(
        type='OptimWrapper', optimizer=dict(type='AdamW', lr=1e-3)))
    torch.distributed.init_process_group(
        'gloo', init_method=f'tcp://127.0.0.1:{free_port}', rank=0,
        world_size=1)
    try:
        # Without find_unused_parameters, the second step would fail if the
        # first had left a parameter unreached.
        parallel = DistributedDataParallel(model)
        for _ in range(2):
            losses = parallel(**batch, mode='loss')
            optimizer.update_params(sum(losses.values()))
        size = parallel._get_ddp_logging_data()['total_parameter_size_bytes']
    finally:
        torch.distributed.destroy_process_group()
    assert size == sum(p.numel() * 4 for p in trained.values())
    assert {id(p) for p in optimizer.optimizer.state} == set(trained)
    assert all(p.grad is None for p in model.parameters()
               if id(p) not in trained)
