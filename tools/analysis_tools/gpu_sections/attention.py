"""SAM's attention with relative positions in several forms."""

from typing import Callable, Tuple

import torch
from torch import Tensor

from gpu_sections.attention_forms import FORMS, can_multiply
from gpu_sections.measuring import (
    DTYPES,
    Row,
    Section,
    Settings,
    extra_gigabytes,
    guarded,
    kernels,
    milliseconds,
)
from mmdbsam.models.backbones.rel_pos_attention import position_terms

# Batch, heads, side and channels of a head: ViT-B's layers at 1024 px, and
# ViT-H's global ones.
SHAPES = {'global, ViT-B': (1, 12, 64, 64), 'windows, ViT-B': (25, 12, 14, 64),
          'global, ViT-H': (1, 16, 64, 80)}


# What is timed on other shapes than the first, where compiling takes long.
_FEW = ('segment_anything', 'mask', 'folded', 'triton', 'without positions')


def inputs_of(shape: Tuple[int, int, int, int], device: str,
              dtype: torch.dtype) -> Tuple[Tensor, ...]:
    """The queries, keys, values and embeddings of distances."""
    batch, heads, side, channels = shape
    parts = torch.randn(3, batch, heads, side, side, channels, device=device,
                        dtype=dtype)
    distances = 0.02 * torch.randn(2, 2 * side - 1, channels, device=device,
                                   dtype=dtype)
    return *(part.requires_grad_() for part in parts.unbind()), *distances


def measure(form: Callable, shape: Tuple[int, int, int, int], device: str,
            dtype: torch.dtype) -> Row:
    """Times, memory and error of a form, with the terms it is given."""
    torch.manual_seed(0)
    q, k, v, *distances = inputs_of(shape, device, dtype)

    def attend() -> Tensor:
        terms = position_terms(q, *distances)
        return form(q * q.shape[-1]**-0.5, k, v, *terms)

    with torch.no_grad():
        found = attend()
        rows = {'forward, ms': milliseconds(attend, device, 0.15),
                'forward, GB': extra_gigabytes(attend, device),
                'kernels': kernels(attend, device)}
        wanted = FORMS['segment_anything'](
            q.double() * q.shape[-1]**-0.5, k.double(), v.double(),
            *position_terms(q.double(), *(x.double() for x in distances)))
        error = (found.double() - wanted).abs().max() / wanted.abs().max()
        rows['difference'] = error.item()
    grad = torch.randn_like(found)

    def both() -> None:
        torch.autograd.grad(attend(), (q, k, v), grad)

    return {**rows, **guarded({}, lambda: {
        'with backward, ms': milliseconds(both, device, 0.15),
        'with backward, GB': extra_gigabytes(both, device)})}


def run(settings: Settings) -> Section:
    """Yield a row a shape, type and form."""
    shapes = {'tiny': (2, 2, 4, 8)} if settings.quick else SHAPES
    for number, (name, shape) in enumerate(shapes.items()):
        for dtype_name in ('bfloat16', 'float32'):
            for form in _FEW if number else FORMS:
                if settings.left < 0:
                    return
                if form == 'triton' and not can_multiply(settings.device,
                                                         dtype_name):
                    continue
                yield guarded(
                    {'shape': name, 'type': dtype_name, 'form': form},
                    lambda: measure(FORMS[form], shape,  # noqa: B023
                                    settings.device,
                                    DTYPES[dtype_name]))  # noqa: B023
