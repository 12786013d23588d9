"""Training steps that never wait for the GPU, in every precision."""

from contextlib import contextmanager

import pytest
import torch
from mmengine.optim import build_optim_wrapper
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from mmdbsam.engine.random_batch import random_batch
from mmdbsam.registry import MODELS


@contextmanager
def no_waiting():
    """Raise where the CPU would wait for the GPU."""
    torch.cuda.set_sync_debug_mode('error')
    try:
        yield
    finally:
        torch.cuda.set_sync_debug_mode('default')


class OnCPU(TorchDispatchMode):
    """Notes the operators that make a tensor on the CPU."""

    def __init__(self):
        super().__init__()
        self.found = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.found += [str(func) for x in tree_leaves(result)
                       if isinstance(x, torch.Tensor) and x.is_cpu]
        return result


def trained(cfg, wrapper):
    """The tiny model, its optimiser, and batches of the loader's form."""
    cfg.optim_wrapper.update(wrapper)
    model = MODELS.build(cfg.model).cuda().train()
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    side = model.image_encoder.img_size
    return model, optimizer, [random_batch(side, 2, 2) for _ in range(3)]


@pytest.mark.parametrize('wrapper', [
    dict(type='OptimWrapper'), dict(type='BFloat16OptimWrapper')])
def test_a_step_does_not_wait(tiny_cfg, wrapper):
    """The log reads the losses afterwards; only that waits."""
    model, optimizer, batches = trained(tiny_cfg, wrapper)
    # Kernels are compiled and constants are made in the first step.
    model.train_step(batches[0], optimizer)
    with no_waiting():
        for batch in batches[1:]:
            losses = model.train_step(batch, optimizer)
    assert all(value.isfinite() for value in losses.values())


def test_a_forward_pass_makes_no_tensor_on_the_cpu(tiny_cfg):
    model, _, batches = trained(tiny_cfg, {})
    batch = model.data_preprocessor(batches[0], True)
    model(**batch, mode='loss')
    with OnCPU() as noted:
        model(**batch, mode='loss')
    assert noted.found == []


def test_float16_scales_the_loss(tiny_cfg):
    """Steps with gradients that are not finite are left out."""
    model, optimizer, batches = trained(
        tiny_cfg, dict(type='AmpOptimWrapper', dtype='float16',
                       loss_scale=dict(init_scale=2.**40)))
    before = [p.detach().clone() for p in model.parameters()
              if p.requires_grad]
    for _ in range(10):
        for batch in batches:
            losses = model.train_step(batch, optimizer)
    assert all(value.isfinite() for value in losses.values())
    assert optimizer.loss_scaler.get_scale() < 2.**40
    after = [p for p in model.parameters() if p.requires_grad]
    assert all(p.isfinite().all() for p in after)
    assert any(not torch.equal(a, b) for a, b in zip(after, before,
                                                    strict=True))


@pytest.mark.parametrize('wrapper, tolerance', [
    (dict(type='BFloat16OptimWrapper'), 0.03),
    (dict(type='AmpOptimWrapper', dtype='float16'), 0.01)])
def test_mixed_precision_has_the_losses_of_float32(tiny_cfg, wrapper,
                                                   tolerance):
    model, optimizer, batches = trained(tiny_cfg, wrapper)
    batch = model.data_preprocessor(batches[0], True)
    wanted = model(**batch, mode='loss')
    with optimizer.optim_context(model):
        found = model(**batch, mode='loss')
    for name, value in wanted.items():
        torch.testing.assert_close(found[name].float(), value, rtol=tolerance,
                                   atol=0)


def test_a_step_on_the_gpu_is_that_of_the_cpu(tiny_cfg, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, 'allow_tf32', False)
    model, _, batches = trained(tiny_cfg, {})
    losses, gradients = {}, {}
    for device in ('cuda', 'cpu'):
        model.to(device).zero_grad()
        batch = model.data_preprocessor(batches[0], True)
        found = model(**batch, mode='loss')
        sum(found.values()).backward()
        losses[device] = {name: value.item() for name, value in found.items()}
        gradients[device] = {name: p.grad.cpu().clone() for name, p
                             in model.named_parameters()
                             if p.grad is not None}
    assert losses['cuda'] == pytest.approx(losses['cpu'], rel=1e-4)
    for name, wanted in gradients['cpu'].items():
        scale = max(wanted.abs().max().item(), 1e-6)
        torch.testing.assert_close(gradients['cuda'][name], wanted, rtol=0,
                                   atol=5e-3 * scale, msg=name)
