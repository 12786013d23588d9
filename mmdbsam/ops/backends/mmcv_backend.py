"""MSDA by mmcv's compiled CUDA op, if it is present."""

import ast
import math
from functools import lru_cache
from pathlib import Path
from typing import Callable, Tuple

import mmcv
import torch
import torch.nn.functional as F
from torch import Tensor

from mmdbsam.ops.backends.kernel_arguments import kernel_arguments
from mmdbsam.ops.shapes import Shapes

DEVICES = ('cuda',)
DTYPES = (torch.float32, torch.float64)

# The kernel takes the batch in equal slices of at most this many samples.
MAX_IM2COL_STEP = 64


@lru_cache(maxsize=1)
def unusable_because() -> str:
    """Why mmcv's op cannot run here, or ``''`` if it can."""
    try:
        import mmcv.ops  # noqa: F401
    except ImportError as error:
        return f'mmcv is installed without its compiled ops ({error})'
    return '' if torch.cuda.is_available() else 'torch sees no CUDA device'


def forward(value: Tensor, shapes: Shapes, sampling_locations: Tensor,
            attention_weights: Tensor) -> Tensor:
    """Compute MSDA; see :mod:`mmdbsam.ops.backends`."""
    from mmcv.ops.multi_scale_deform_attn import ext_module
    return ext_module.ms_deform_attn_forward(
        *kernel_arguments(value, shapes, sampling_locations,
                          attention_weights),
        im2col_step=_im2col_step(value.shape[0]))


def backward(grad: Tensor, value: Tensor, shapes: Shapes,
             sampling_locations: Tensor,
             attention_weights: Tensor) -> Tuple[Tensor, Tensor, Tensor]:
    """Compute the gradients of MSDA, whose order of summation is not fixed."""
    from mmcv.ops.multi_scale_deform_attn import ext_module
    grads = tuple(torch.zeros_like(x, memory_format=torch.contiguous_format)
                  for x in (value, sampling_locations, attention_weights))
    ext_module.ms_deform_attn_backward(
        *kernel_arguments(value, shapes, sampling_locations,
                          attention_weights),
        grad.contiguous(), *grads, im2col_step=_im2col_step(value.shape[0]))
    return grads


def _im2col_step(batch: int) -> int:
    """The largest slice that divides the batch, as the kernel demands."""
    return batch if batch <= MAX_IM2COL_STEP else math.gcd(
        batch, MAX_IM2COL_STEP)


def pure_torch_function() -> Callable:
    """Return mmcv's ``multi_scale_deformable_attn_pytorch``, for comparisons.

    Its module cannot be imported without the compiled ops. The function is
    therefore taken out of the module's source.
    """
    path = Path(mmcv.__file__).parent / 'ops' / 'multi_scale_deform_attn.py'
    name = 'multi_scale_deformable_attn_pytorch'
    function = next(node for node in ast.parse(path.read_text()).body
                    if isinstance(node, ast.FunctionDef) and node.name == name)
    scope = {'torch': torch, 'F': F}
    exec(compile(ast.Module([function], []), str(path), 'exec'), scope)
    return scope[name]
