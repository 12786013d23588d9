"""The ViT-conv fusion with a gate that scores both branches at each pixel."""

from torch import Tensor, nn

from mmdbsam.models.fusions.gated_fusion import GatedFusion
from mmdbsam.models.layers import bottleneck_score
from mmdbsam.registry import MODELS


@MODELS.register_module()
class PixelGatedFusion(GatedFusion):
    """A gate from bottleneck scores of both branches (DB-SAM, figure 2).

    It is called ``DANE3`` in the authors' release, where no config uses it.
    It differs from :class:`GatedFusion` in that both branches are scored at
    each pixel and for each channel::

        spatial = Linear(LN(SiLU(Linear_{C->C/r}(f_conv))))
        channel = Linear(LN(SiLU(Linear_{C->C/r}(f_vit))))

    The paper's figure is nearer to this fusion than to :class:`GatedFusion`.
    It shows GELU in place of SiLU and LN, and calls 1 - M what is M here.
    """

    def _build_spatial_score(self, channels: int,
                             reduction: int) -> nn.Module:
        return bottleneck_score(channels, reduction)

    def _score(self, vit: Tensor, f_conv: Tensor) -> Tensor:
        return self.spatial_score(f_conv) + self.channel_score(vit)
