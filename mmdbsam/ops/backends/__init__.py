"""The implementations of multi-scale deformable attention (MSDA).

Each backend is a module with these functions::

    unusable_because() -> str
        '' if it can run on this machine, else why it cannot.
    forward(value, shapes, sampling_locations, attention_weights) -> Tensor
    backward(grad, value, shapes, sampling_locations, attention_weights)
        -> gradients of value, sampling_locations and attention_weights

A backend that is bound to certain devices or types also has the ``DEVICES``
and ``DTYPES`` that it takes. The tensors are as in
:func:`.multi_scale_deformable_attn`, which has checked them;
``shapes`` are pairs (h, w). Samples that are not inside ``-1 < x < w`` and
``-1 < y < h``, in pixels, contribute nothing.
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
