"""Multi-scale deformable attention (MSDA).

Models use the module in ``attention_module``, which calls the function in
``functional``. That checks its arguments and calls the operator in
``torch_operator``, which one of the ``backends`` computes; ``backend_choice``
says which. When a model is exported, ``export_form`` takes the operator's
place.
"""

from mmdbsam.ops.attention_module import (
    MSDeformAttention,
    pixel_centre_references,
)
from mmdbsam.ops.backend_choice import available_backends
from mmdbsam.ops.functional import multi_scale_deformable_attn

__all__ = [
    'MSDeformAttention',
    'available_backends',
    'multi_scale_deformable_attn',
    'pixel_centre_references',
]
