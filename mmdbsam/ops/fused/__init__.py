"""Layers for inference on CPUs that go through memory once.

Large maps, of which TinyViT's first stage has 67 MB, take longer to move than
to compute. These functions compute a layer's product, its activation and what
comes next on blocks that stay in a cache. They need numba but no compiler, an
x86 CPU with AVX2 or AVX-512, and float32 tensors without gradients;
:func:`can_fuse` says whether a call qualifies. Their results equal those of
the plain layers to about 1e-6; GELU and the softmax's exponential are
approximations with that error.

``functional`` has the functions on tensors; the other modules have the
kernels, from the products of blocks up.
"""

from mmdbsam.ops.fused.functional import (
    Affine,
    affine,
    can_fuse,
    depthwise,
    inverted_bottleneck,
    linear,
    mlp,
    rel_pos_attention,
    samples,
    window_attention,
)

__all__ = [
    'Affine', 'affine', 'can_fuse', 'depthwise', 'inverted_bottleneck',
    'linear', 'mlp', 'rel_pos_attention', 'samples', 'window_attention'
]
