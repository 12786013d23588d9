"""Training steps of DB-SAM on ViT-B."""

import gc
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Any, Callable, ContextManager, Iterator, Tuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from benchmark_encoder import ROOT
from gpu_sections.attention_forms import FORMS, used
from gpu_sections.measuring import (
    Row,
    Section,
    Settings,
    guarded,
    milliseconds,
)
from mmdbsam.engine.random_batch import random_batch
from mmdbsam.ops import attention_module
from mmdbsam.ops.backends.mmcv_backend import pure_torch_function
from mmdbsam.registry import MODELS

PROMPTS = 4


@contextmanager
def plain() -> Iterator[None]:
    """Compute as code without fused kernels does.

    Attention is that of ``segment_anything``, and MSDA is mmcv's function in
    pure torch.
    """
    peer, before = pure_torch_function(), \
        attention_module.multi_scale_deformable_attn

    def attend(value: Tensor, shapes: list, _: object,
               locations: Tensor, weights: Tensor) -> Tensor:
        # mmcv's modules compute it in float32 under autocast.
        with torch.autocast(value.device.type, enabled=False):
            return peer(value.float(), torch.tensor(shapes),
                        locations.float(), weights.float())

    attention_module.multi_scale_deformable_attn = attend
    try:
        with used(FORMS['segment_anything']):
            yield
    finally:
        attention_module.multi_scale_deformable_attn = before


FORMS_OF_STEP = {'plain': plain, 'mmdbsam': nullcontext,
                 'mmdbsam, triton': partial(used, FORMS['triton'])}


def build(settings: Settings, with_cp: bool) -> nn.Module:
    """DB-SAM with random weights."""
    path = ('tests/data/dbsam_tiny_spine.py' if settings.quick
            else 'configs/dbsam_vitb_ct.py')
    cfg = Config.fromfile(ROOT / path).model
    cfg.pretrained, cfg.image_encoder.with_cp = None, with_cp
    torch.manual_seed(0)
    with torch.device(settings.device):
        return MODELS.build(cfg).to(settings.device).train()


def stepper(model: nn.Module, batch_size: int, device: str, amp: bool,
            context: Callable[[], ContextManager]
            ) -> Tuple[Callable, Callable]:
    """A function for a training step, and one for its decoder's part."""
    batch = model.data_preprocessor(random_batch(
        model.image_encoder.img_size, batch_size, PROMPTS))
    parameters = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(parameters, lr=1e-4)

    def losses() -> Tensor:
        with context(), torch.autocast(device, torch.bfloat16, enabled=amp):
            return sum(model(**batch, mode='loss').values())

    def step() -> None:
        optimizer.zero_grad()
        losses().backward()
        optimizer.step()

    with torch.no_grad(), torch.autocast(device, torch.bfloat16, enabled=amp):
        embedding = model.encode_image(batch['inputs'])

    def decode() -> None:
        leaf = embedding.detach().requires_grad_()
        encode, model.encode_image = model.encode_image, lambda _: leaf
        try:
            losses().backward()
        finally:
            model.encode_image = encode

    return step, decode


def measure(model: nn.Module, batch_size: int, device: str, amp: bool,
            context: Callable[[], ContextManager]) -> Row:
    """Images a second, memory, and the decoder's share of the time."""
    step, decode = stepper(model, batch_size, device, amp, context)
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    found = milliseconds(step, device, 1.)
    peak = (torch.cuda.max_memory_allocated() / 1e9 if device == 'cuda'
            else float('nan'))
    model.zero_grad()
    return {'ms a step': found, 'images/s': batch_size * 1e3 / found,
            'peak GB': peak,
            'decoder share': milliseconds(decode, device, 0.3) / found}


def steps(settings: Settings, with_cp: bool, amp: bool, form: str,
          **sizes: Any) -> Section:
    """Yield a row a batch size, until one does not fit."""
    model = build(settings, with_cp)
    for batch_size in sizes['batch_sizes']:
        if settings.left < 15:
            return
        row = guarded(
            {'form': form, 'type': 'bfloat16' if amp else 'float32',
             'with_cp': with_cp, 'batch': batch_size},
            lambda: measure(model, batch_size, settings.device,  # noqa: B023
                            amp, FORMS_OF_STEP[form]))
        gc.collect()
        if settings.device == 'cuda':
            torch.cuda.empty_cache()
        yield row
        if 'error' in row:
            return


def run(settings: Settings) -> Section:
    """Yield the rows of every form of the step."""
    init_default_scope('mmdbsam')
    # The autotuner also runs here, in the untimed calls.
    few = (1, ) if settings.quick else (1, 2)
    many = few if settings.quick else (1, 2, 4, 8, 16, 32)
    for form, amp, with_cp, batch_sizes in (
            ('mmdbsam', True, False, many),
            ('mmdbsam, triton', True, False, many),
            ('plain', True, False, few),
            ('mmdbsam', False, False, few), ('plain', False, False, few),
            ('mmdbsam', True, True, many[::2]),
            ('mmdbsam', False, True, few)):
        yield from steps(settings, with_cp, amp, form,
                         batch_sizes=batch_sizes)
