"""A fusion that takes one of the branches alone."""

from typing import List

from mmengine.model import BaseModule
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.models.fusions.joined_levels_fusion import JoinedLevelsFusion
from mmdbsam.registry import MODELS


@MODELS.register_module()
class SingleBranchFusion(JoinedLevelsFusion):
    """The ViT branch as it is, or the convolutional one as ``f_conv``.

    The authors' release has this as ``Select``.

    Args:
        vit_channels: Width C of the ViT branch. The encoder fills this in,
            and the next two.
        conv_channels: Width of the convolutional branch.
        num_levels: Number of levels of the convolutional branch.
        branch: The branch that is taken, 'vit' or 'conv'. The encoder's last
            exchange then updates that branch alone.
        zero_init: Whether the fusion starts as the identity on the ViT
            branch. 'vit' always does, and 'conv' cannot.

    Raises:
        InputError: If ``branch`` is neither, or if ``zero_init`` is asked of
            'conv'.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 branch: str,
                 zero_init: bool = False) -> None:
        if branch not in ('vit', 'conv'):
            raise InputError("fusion.branch: expected 'vit' or 'conv', found "
                             f"'{branch}'")
        if branch == 'conv' and zero_init:
            raise InputError("fusion.zero_init: expected False with branch "
                             "'conv', which is not the ViT's, found True")
        if branch == 'conv':
            super().__init__(vit_channels, conv_channels, num_levels)
        else:
            # The ViT branch needs no layer that joins the other's levels.
            BaseModule.__init__(self)
        self.branch = branch

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Take one of the branches.

        Args:
            vit: The features of the ViT branch, (B, h, w, C).
            conv: The levels of the convolutional branch, (B, h, w, C_conv).

        Returns:
            Tensor: The features of the branch that is taken, (B, h, w, C).
        """
        return vit if self.branch == 'vit' else self.join(conv)
