"""Fusions: how the two branches become one embedding."""

from mmdbsam.models.fusions.concat_fusion import ConcatFusion
from mmdbsam.models.fusions.hadamard_fusion import HadamardFusion
from mmdbsam.models.fusions.select_fusion import SelectFusion
from mmdbsam.models.fusions.selective_fusion import SelectiveFusion
from mmdbsam.models.fusions.softmax_fusion import SoftmaxFusion
from mmdbsam.models.fusions.sum_fusion import SumFusion

__all__ = ['ConcatFusion', 'HadamardFusion', 'SelectFusion',
           'SelectiveFusion', 'SoftmaxFusion', 'SumFusion']
