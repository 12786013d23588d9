"""The fused layers, on tensors."""

from functools import lru_cache
from typing import NamedTuple, Optional, Tuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import _get_current_dispatch_mode

from mmdbsam.ops.shapes import Shapes
from mmdbsam.ops.threads import run_on_threads

_QUERIES_OF_A_PART = 1024


class Affine(NamedTuple):
    """A weight with a bias, such as a linear layer's or a folded norm's.

    Attributes:
        weight: (N, K), (N, K, 1, 1), or (N, 1, 3, 3) if it is depthwise.
        bias: (N,), or None.
    """

    weight: Tensor
    bias: Optional[Tensor]


def affine(layer: nn.Linear) -> Affine:
    """The weight and bias of a linear layer."""
    return Affine(layer.weight, layer.bias)


@lru_cache(maxsize=1)
def _cpu_is_supported() -> bool:
    try:
        from mmdbsam.ops.fused import products
    except ImportError:
        return False
    return products.SUPPORTED


def can_fuse(x: Tensor, *modules: nn.Module) -> bool:
    """Whether fused layers may take the place of modules, for an input.

    They may if nothing would notice: the input is in float32 on a supported
    CPU, no autocast would change its type, no gradient is wanted, nothing
    records or counts torch's operators, the modules are in evaluation mode,
    and none has a hook, as adapters within a block have.

    Args:
        x: The input.
        modules: The modules that would be replaced, with their submodules.
    """
    if (x.device.type != 'cpu' or x.dtype != torch.float32
            or torch.is_autocast_enabled('cpu') or not x.numel()):
        return False
    if torch.jit.is_tracing() or torch.compiler.is_compiling() or (
            _get_current_dispatch_mode() is not None):
        return False
    layers = [layer for module in modules for layer in module.modules()]
    if any(layer.training or layer._forward_hooks
           or layer._forward_pre_hooks for layer in layers):
        return False
    if torch.is_grad_enabled() and (x.requires_grad or any(
            parameter.requires_grad for module in modules
            for parameter in module.parameters())):
        return False
    return type(x) is Tensor and _cpu_is_supported()


def linear(x: Tensor, layer: Affine, norm: Optional[nn.LayerNorm] = None,
           activate: bool = False, residual: Optional[Tensor] = None
           ) -> Tensor:
    """Compute ``residual + GELU(layer(norm(x)))``.

    Args:
        x: Rows of K numbers, (..., K).
        layer: The weight (N, K) and bias.
        norm: The layer norm before it, if any.
        activate: Whether there is a GELU.
        residual: What is added at the end, (..., N), if anything.

    Returns:
        Tensor: The result, (..., N).
    """
    from mmdbsam.ops.fused import products, row_kernels
    depth, columns = x.shape[-1], len(layer.weight)
    out = x.new_empty(*x.shape[:-1], columns)
    rows = x.numel() // depth
    run_on_threads(
        row_kernels.linear, -(-rows // row_kernels.ROWS),
        rows * depth * columns,
        (_flat(x), depth, *_norm(norm), products.pack(_matrix(layer.weight)),
         _padded(layer, products.COLUMNS), columns, activate, _flat(residual),
         _flat(out)))
    return out


def mlp(x: Tensor, norm: nn.LayerNorm, expand: Affine, project: Affine,
        residual: Optional[Tensor] = None) -> Tensor:
    """Compute ``residual + project(GELU(expand(norm(x))))``.

    Args:
        x: Rows of K numbers, (..., K).
        norm: The layer norm before it.
        expand: The weight (H, K) and bias.
        project: The weight (N, H) and bias.
        residual: What is added at the end, (..., N), if anything.

    Returns:
        Tensor: The result, (..., N).
    """
    from mmdbsam.ops.fused import products, row_kernels
    depth, columns = x.shape[-1], len(project.weight)
    out = x.new_empty(*x.shape[:-1], columns)
    rows = x.numel() // depth
    bias_in = _padded(expand, products.COLUMNS)
    run_on_threads(
        row_kernels.mlp, -(-rows // row_kernels.ROWS),
        rows * bias_in.size * (depth + columns),
        (_flat(x), depth, *_norm(norm), products.pack(_matrix(expand.weight)),
         bias_in, products.pack(_wide(project, bias_in.size)),
         _padded(project, products.COLUMNS), columns, _flat(residual),
         _flat(out)))
    return out


def inverted_bottleneck(x: Tensor, expand: Affine, depthwise: Affine,
                        project: Affine, stride: int = 1,
                        norm: Optional[nn.LayerNorm] = None,
                        activate_hidden: bool = True,
                        residual: Optional[Tensor] = None,
                        activate: bool = False) -> Tensor:
    """Two pointwise convolutions with a depthwise one between them.

    It computes ``act(residual + project(GELU(depthwise(act'(expand(norm(x)))
    )))``, where ``act`` and ``act'`` are GELUs or nothing.

    Args:
        x: Maps, (B, h, w, C).
        expand: The weight (H, C) and bias of the first convolution.
        depthwise: The weight (H, 1, 3, 3) and bias of the second, which is
            padded by a pixel.
        project: The weight (N, H) and bias of the third.
        stride: The stride of the depthwise convolution, 1 or 2, which divides
            h and w.
        norm: The layer norm before it, if any.
        activate_hidden: Whether a GELU follows the first convolution.
        residual: What is added, (B, h, w, N), if anything.
        activate: Whether there is a GELU at the end.

    Returns:
        Tensor: The result, (B, h / stride, w / stride, N).
    """
    from mmdbsam.ops.fused import bottleneck_kernels as kernels
    from mmdbsam.ops.fused import products
    batch, height, width, depth = x.shape
    columns = len(project.weight)
    out = x.new_empty(batch, height // stride, width // stride, columns)
    bias_in = _padded(expand, products.COLUMNS)
    hidden = bias_in.size
    run_on_threads(
        kernels.inverted_bottleneck,
        batch * -(-out.shape[1] // kernels.BAND),
        x.numel() * hidden + out.numel() * hidden,
        (_flat(x), depth, height, width, stride, *_norm(norm),
         products.pack(_matrix(expand.weight)), bias_in, activate_hidden,
         *_taps(depthwise, hidden), products.pack(_wide(project, hidden)),
         _padded(project, products.COLUMNS), columns, _flat(residual),
         activate, _flat(out)))
    return out


def depthwise(x: Tensor, layer: Affine, norm: Optional[nn.LayerNorm] = None,
              activate: bool = False) -> Tensor:
    """Compute ``GELU(layer(norm(x)))`` for a depthwise 3x3 convolution.

    Args:
        x: Maps, (B, h, w, C).
        layer: The weight (C, 1, 3, 3) and bias of the convolution, which is
            padded by a pixel.
        norm: The layer norm before it, if any.
        activate: Whether there is a GELU.

    Returns:
        Tensor: The result, (B, h, w, C).
    """
    from mmdbsam.ops.fused import bottleneck_kernels
    batch, height, width, channels = x.shape
    out = x.new_empty(x.shape)
    run_on_threads(
        bottleneck_kernels.depthwise, batch * height, 9 * x.numel(),
        (_flat(x), height, width, channels, *_norm(norm),
         *_taps(layer, channels), activate, _flat(out)))
    return out


def window_attention(qkv: Tensor, padding: Tensor, biases: Tensor,
                     indices: Tensor, window: int) -> Tensor:
    """Attention within the windows of maps.

    Args:
        qkv: Queries, keys and values of all tokens, (B, h, w, 3 C), ordered by
            heads, then q, k and v.
        padding: Those of a token that windows have beyond the maps, (3 C,).
        biases: What can be added to the scores of each head, (heads, n).
        indices: Which of the n is added for each pair of the T tokens of a
            window, (T, T).
        window: Side of the windows, in tokens.

    Returns:
        Tensor: The attended values, (B, h, w, C).
    """
    from mmdbsam.ops.fused import products, window_kernels
    batch, height, width, channels = qkv.shape
    heads, tokens = len(biases), len(indices)
    padded = -(-tokens // products.COLUMNS) * products.COLUMNS
    bias = np.zeros((heads, tokens, padded), np.float32)
    # torch would wake its threads for this, which then wait for more work on
    # the cores that the kernel needs.
    bias[..., :tokens] = biases.detach().numpy()[:, indices.numpy()]
    out = qkv.new_empty(batch, height, width, channels // 3)
    windows = batch * -(-height // window) * -(-width // window)
    scale = np.float32((channels // 3 // heads) ** -0.5)
    run_on_threads(
        window_kernels.window_attention, windows * heads,
        windows * tokens * tokens * channels,
        (_flat(qkv), _flat(padding), bias, heads, window, height, width,
         scale, _flat(out)))
    return out


def rel_pos_attention(q: Tensor, k: Tensor, v: Tensor, by_row: Tensor,
                      by_column: Tensor) -> Tensor:
    """Attention with terms for the keys' rows and columns.

    The arguments and the result are those of
    :func:`mmdbsam.models.backbones.rel_pos_attention.attend_folded`.
    """
    from mmdbsam.ops.fused import rel_pos_kernels
    n, heads, height, width, channels = q.shape
    tokens = height * width
    out = q.new_empty(n, heads, tokens, channels)
    # Every part of a head's queries packs the keys and values again.
    parts = max(1, tokens // _QUERIES_OF_A_PART)
    run_on_threads(
        rel_pos_kernels.rel_pos_attention, n * heads * parts,
        2 * n * heads * tokens * tokens * channels,
        (parts, *(_flat(x) for x in (q, k, v, by_row, by_column)), height,
         width, channels, _flat(out)))
    return out


def samples(offsets: Tensor, logits: Tensor, reference_points: Tensor,
            shapes: Shapes) -> Tuple[Tensor, Tensor]:
    """The locations and weights of deformable attention.

    Args:
        offsets: The offsets in pixels, (B, Q, heads, levels, points, 2).
        logits: The logits of the weights, (B, Q, heads, levels, points).
        reference_points: See :class:`.MSDeformAttention`.
        shapes: (h, w) of each level.

    Returns:
        tuple: ``reference_points + offsets / (w, h)``, and the softmax of the
        logits over levels and points, both of their inputs' shapes.
    """
    from mmdbsam.ops.fused import sampling_kernels as kernels
    _, queries, heads, _, points = logits.shape
    locations, weights = offsets.new_empty(offsets.shape), logits.new_empty(
        logits.shape)
    sizes = np.array([(w, h) for h, w in shapes], np.float32)
    run_on_threads(
        kernels.samples, -(-(logits.shape[0] * queries) // kernels.QUERIES),
        16 * logits.numel(),
        (queries, heads, points, sizes, reference_points.numpy(),
         _flat(offsets), _flat(logits), _flat(locations), _flat(weights)))
    return locations, weights


def _flat(x: Optional[Tensor]) -> np.ndarray:
    """The numbers of a tensor as a flat array, or none."""
    if x is None:
        return np.empty(0, np.float32)
    return x.detach().contiguous().numpy().reshape(-1)


def _matrix(weight: Tensor) -> np.ndarray:
    """A weight (N, K) or (N, K, 1, 1) as an array (N, K)."""
    return weight.detach().flatten(1).numpy()


def _wide(layer: Affine, depth: int) -> np.ndarray:
    """A weight (N, K) with further columns of zeros, (N, depth)."""
    matrix = _matrix(layer.weight)
    return np.pad(matrix, ((0, 0), (0, depth - matrix.shape[1])))


def _padded(layer: Affine, multiple: int) -> np.ndarray:
    """A bias with further zeros, up to a multiple."""
    count = len(layer.weight)
    bias = np.zeros(-(-count // multiple) * multiple, np.float32)
    if layer.bias is not None:
        bias[:count] = layer.bias.detach().numpy()
    return bias


def _taps(layer: Affine, hidden: int) -> Tuple[np.ndarray, np.ndarray]:
    """Depthwise weights (9, hidden) as a flat array, and their biases."""
    count = len(layer.weight)
    weights = np.zeros((9, hidden), np.float32)
    weights[:, :count] = layer.weight.detach().reshape(count, 9).numpy().T
    bias = np.zeros(hidden, np.float32)
    if layer.bias is not None:
        bias[:count] = layer.bias.detach().numpy()
    return weights.ravel(), bias


def _norm(norm: Optional[nn.LayerNorm]) -> Tuple[np.ndarray, np.float32]:
    """A layer norm's weight and bias, (2, C), and its epsilon."""
    if norm is None:
        return np.empty((2, 0), np.float32), np.float32(0)
    return np.stack([norm.weight.detach().numpy(),
                     norm.bias.detach().numpy()]), np.float32(norm.eps)
