"""What a model computes on a GPU stays there, which needs no GPU to be seen.

The tensors here have a device and a shape but no values: torch refuses an
operator that mixes devices, and a value that Python asks for, which on a GPU
would wait.
"""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    FakeTensorDeviceMismatchError,
    FakeTensorMode,
    unset_fake_temporarily,
)
from torch.utils._pytree import tree_leaves

from mmdbsam.models.backbones import rel_pos_fused
from mmdbsam.ops import attention_module, constants
from mmdbsam.registry import MODELS
from mmdbsam.structures.prompt_data_sample import PromptDataSample

GPU = torch.device('cuda')
CONFIGS = ['dbsam_tinyvit_ct', 'dbsam_plus_tinyvit_ct', 'dbsam_vitb_ct',
           'dbsam_plus_vitb_ct', 'dbsam_tinyvit_interactive_ct',
           'dbsam_vitb_interactive_ct', 'baselines/samed_vitb_ct',
           'baselines/sam_adapter_tinyvit_ct', 'baselines/medsam_tinyvit_ct']
SIDE, PROMPTS = 256, 3


@pytest.fixture
def pretend(monkeypatch):
    """A mode in which tensors have no values, and may be on a GPU."""
    # A start needs values, which this one has not.
    monkeypatch.setattr(torch.nn.init, 'trunc_normal_',
                        lambda tensor, *args, **options: tensor)
    draw = torch.randint

    def on_the_cpu(*args, **options):
        # The CPU's generator may be asked for a single number.
        if args[-1] == () and 'device' not in options:
            with unset_fake_temporarily():
                return draw(*args, **options).item()
        return draw(*args, **options)

    monkeypatch.setattr(torch, 'randint', on_the_cpu)
    # Without a driver, nobody knows whether Triton's attention fits the GPU.
    monkeypatch.setattr(rel_pos_fused, '_shared_bytes', lambda: 0)
    kept = constants._constant, attention_module._references
    for cache in kept:
        cache.cache_clear()
    yield FakeTensorMode()
    for cache in kept:
        cache.cache_clear()


def on_gpu(tensor):
    return torch.empty(tensor.shape, dtype=tensor.dtype, device=GPU)


def moved(model):
    """The model with what it registered on the GPU, as ``cuda`` leaves it."""
    for module in model.modules():
        for name, own in module._parameters.items():
            if own is not None:
                module._parameters[name] = torch.nn.Parameter(
                    on_gpu(own), own.requires_grad)
        for name, own in module._buffers.items():
            if own is not None:
                module._buffers[name] = on_gpu(own)
    return model


def sample(**prompts):
    return PromptDataSample(
        metainfo=dict(img_shape=(SIDE, SIDE), ori_shape=(SIDE, SIDE)),
        prompts=InstanceData(**prompts),
        gt_instances=InstanceData(masks=torch.empty(
            PROMPTS, SIDE, SIDE, dtype=torch.uint8, device=GPU)))


def prompts_of(kind):
    """Prompts of each object of an image, as transforms pack them."""
    with torch.device(GPU):
        boxes = dict(boxes=torch.empty(PROMPTS, 4))
        others = dict(
            points=torch.empty(PROMPTS, 2, 3),
            rough_masks=torch.empty(PROMPTS, SIDE, SIDE),
            **{f'has_{name}': torch.empty(PROMPTS, dtype=torch.bool)
               for name in ('box', 'mask')})
    return boxes if kind == 'boxes' else {**boxes, **others}


def built(repo_root, name):
    init_default_scope('mmdbsam')
    cfg = Config.fromfile(repo_root / f'configs/{name}.py')
    cfg.model.image_encoder.vit.img_size = SIDE
    return moved(MODELS.build(cfg.model)), cfg


@pytest.mark.parametrize('name', CONFIGS)
def test_losses_and_masks_stay_on_the_gpu(repo_root, pretend, name):
    with pretend:
        model, cfg = built(repo_root, name)
        kind = 'all' if 'interactive' in name else 'boxes'
        batch = dict(
            inputs=torch.empty(2, 3, SIDE, SIDE, device=GPU),
            data_samples=[sample(**prompts_of(kind)) for _ in range(2)])
        losses = model.train()(**batch, mode='loss')
        total, _ = model.parse_losses(losses)
        assert total.device.type == 'cuda' and total.requires_grad
        with torch.no_grad():
            found = model.eval()(**batch, mode='predict')
    assert all(x.device.type == 'cuda' for x in tree_leaves(found)
               if isinstance(x, torch.Tensor))


@pytest.mark.parametrize('fault, error', [
    (lambda x: x + torch.ones(x.shape), FakeTensorDeviceMismatchError),
    (lambda x: x * float(x.amax()), DataDependentOutputException)])
def test_a_fault_is_noticed(repo_root, pretend, monkeypatch, fault, error):
    with pretend:
        model, _ = built(repo_root, 'dbsam_tinyvit_ct')
        encode = model.image_encoder.forward
        monkeypatch.setattr(model.image_encoder, 'forward',
                            lambda x: fault(encode(x)))
        with pytest.raises(error):
            model(torch.empty(1, 3, SIDE, SIDE, device=GPU),
                  [sample(**prompts_of('boxes'))], mode='loss')
