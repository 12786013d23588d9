"""Training steps of DB-SAM on ViT-B."""

import gc
from contextlib import contextmanager, nullcontext
from functools import partial
from typing import Callable, ContextManager, Iterator, List, Tuple

import torch
from benchmark_encoder import ROOT
from mmengine.config import Config
from mmengine.registry import init_default_scope
from torch import Tensor, nn

from gpu_sections.attention_forms import FORMS, used
from gpu_sections.measuring import (
    Row,
    Section,
    Settings,
    guarded,
    wall_milliseconds,
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
                 'mmdbsam, mask': partial(used, FORMS['mask'])}
# The part of the memory that a step may be planned to fill.
_FILLED = 0.93


def build(settings: Settings) -> nn.Module:
    """DB-SAM with random weights."""
    path = ('tests/data/dbsam_tiny_spine.py' if settings.quick
            else 'configs/dbsam_vitb_ct.py')
    cfg = Config.fromfile(ROOT / path).model
    cfg.pretrained = None
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

    def decoder() -> Callable:
        with torch.no_grad(), torch.autocast(device, torch.bfloat16,
                                             enabled=amp):
            embedding = model.encode_image(batch['inputs'])

        def decode() -> None:
            leaf = embedding.detach().requires_grad_()
            encode, model.encode_image = model.encode_image, lambda _: leaf
            try:
                losses().backward()
            finally:
                model.encode_image = encode

        return decode

    return step, decoder


def measure(model: nn.Module, batch_size: int, device: str, amp: bool,
            context: Callable[[], ContextManager], with_decoder: bool) -> Row:
    """Images a second, memory, and the decoder's share of the time."""
    step, decoder = stepper(model, batch_size, device, amp, context)
    if device == 'cuda':
        torch.cuda.reset_peak_memory_stats()
    # In the untimed step, kernels are tuned and the optimiser gets its state.
    found = wall_milliseconds(step, device, 0.7,
                              least=3 if batch_size <= 16 else 1)
    row = {'ms a step': found, 'images/s': batch_size * 1e3 / found,
           'peak GB': torch.cuda.max_memory_allocated() / 1e9
           if device == 'cuda' else float('nan')}
    model.zero_grad()
    if with_decoder:
        row['decoder share'] = wall_milliseconds(decoder(), device,
                                                 0.2) / found
        model.zero_grad()
    return row


def free(settings: Settings) -> None:
    """Give the memory of the last step back."""
    gc.collect()
    if settings.device == 'cuda':
        torch.cuda.empty_cache()


def steps(model: nn.Module, settings: Settings, form: str, amp: bool,
          with_cp: bool, batch_sizes: Tuple[int, ...]) -> Section:
    """Yield a row a batch size, until one does not fit."""
    model.image_encoder.with_cp = with_cp
    for batch_size in batch_sizes:
        if settings.left < 3:
            return
        row = guarded(
            {'form': form, 'type': 'bfloat16' if amp else 'float32',
             'with_cp': with_cp, 'batch': batch_size},
            lambda: measure(model, batch_size, settings.device,  # noqa: B023
                            amp, FORMS_OF_STEP[form],
                            form == 'mmdbsam' and batch_size < 8  # noqa: B023
                            and not with_cp))
        free(settings)
        yield row
        if 'error' in row:
            return


def largest(rows: List[Row]) -> int:
    """The largest batch that fits, by the memory of two others."""
    (first, low), (second, high) = [(row['batch'], row['peak GB'])
                                    for row in rows[-2:]]
    total = torch.cuda.mem_get_info()[1] / 1e9
    slope = (high - low) / (second - first)
    return int((_FILLED * total - (low - slope * first)) / slope)


def run(settings: Settings) -> Section:
    """Yield the rows of every form of the step."""
    init_default_scope('mmdbsam')
    model = build(settings)
    few, more = ((1, ), (1, )) if settings.quick else ((1, 4), (1, 4, 8))
    rows = []
    for row in steps(model, settings, 'mmdbsam', True, False,
                     more if settings.quick else (*more, 16)):
        rows.append(row)
        yield row
    for form, amp, with_cp, batch_sizes in (
            ('plain', True, False, more),
            ('mmdbsam', False, False, few), ('plain', False, False, few),
            ('mmdbsam', True, True, few[-1:]),
            ('mmdbsam, mask', False, False, few)):
        yield from steps(model, settings, form, amp, with_cp, batch_sizes)
    if (settings.device == 'cuda' and len(rows) > 1
            and 'error' not in rows[-1]):
        yield from steps(model, settings, 'mmdbsam', True, False,
                         (largest(rows), ))
