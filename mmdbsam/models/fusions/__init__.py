"""Fusions, which make one embedding of the two branches."""

from mmdbsam.models.fusions.concat_fusion import ConcatFusion
from mmdbsam.models.fusions.gated_fusion import GatedFusion
from mmdbsam.models.fusions.hadamard_fusion import HadamardFusion
from mmdbsam.models.fusions.pixel_gated_fusion import PixelGatedFusion
from mmdbsam.models.fusions.single_branch_fusion import SingleBranchFusion
from mmdbsam.models.fusions.softmax_fusion import SoftmaxFusion
from mmdbsam.models.fusions.sum_fusion import SumFusion

__all__ = ['ConcatFusion', 'GatedFusion', 'HadamardFusion',
           'PixelGatedFusion', 'SingleBranchFusion', 'SoftmaxFusion',
           'SumFusion']
