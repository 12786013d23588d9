"""The implementations of multi-scale deformable attention (MSDA).

Each backend is a module of this shape::

    unusable_because() -> str
        '' where it can run on this machine, else why not.
    forward(value, shapes, sampling_locations, attention_weights) -> Tensor
    backward(grad, value, shapes, sampling_locations, attention_weights)
        -> gradients of value, sampling_locations and attention_weights

and, if it is bound to some, with the ``DEVICES`` and ``DTYPES`` that it takes.
Tensors are as in :func:`mmdbsam.ops.multi_scale_deformable_attn`, which has
checked them; ``shapes`` are pairs (h, w). Samples that are not inside
``-1 < x < w`` and ``-1 < y < h``, in pixels, contribute nothing.
"""

from mmdbsam.ops.backends import (
    mmcv_backend,
    numba_backend,
    torch_backend,
    triton_backend,
)

BACKENDS = {
    'mmcv': mmcv_backend,
    'triton': triton_backend,
    'numba': numba_backend,
    'torch': torch_backend,
}
