"""No fusion: one of the branches alone."""

from typing import List

import torch
from mmengine.model import BaseModule
from torch import Tensor, nn

from mmdbsam.errors import InputError
from mmdbsam.registry import MODELS


@MODELS.register_module()
class SelectFusion(BaseModule):
    """The ViT branch as it is, or the convolutional one, 1x1-convolved to C.

    ``Select`` in the authors' release.

    Args:
        vit_channels: C, filled in by the encoder.
        conv_channels: Width of the convolutional branch, likewise.
        num_levels: Its number of levels, likewise.
        branch: 'vit' or 'conv'. The encoder's last exchange updates no other.
        zero_init: Start as the identity on the ViT branch, as 'vit' always
            does and 'conv' cannot.

    Raises:
        InputError: If there is no such branch, or 'conv' is to start as the
            ViT branch.
    """

    def __init__(self,
                 vit_channels: int,
                 conv_channels: int,
                 num_levels: int,
                 branch: str,
                 zero_init: bool = False) -> None:
        super().__init__()
        if branch not in ('vit', 'conv'):
            raise InputError("fusion.branch: expected 'vit' or 'conv', found "
                             f"'{branch}'")
        if branch == 'conv' and zero_init:
            raise InputError("fusion.zero_init: expected False with branch "
                             "'conv', which is not the ViT's, found True")
        self.branch = branch
        if branch == 'conv':
            self.conv_project = nn.Linear(num_levels * conv_channels,
                                          vit_channels)

    def forward(self, vit: Tensor, conv: List[Tensor]) -> Tensor:
        """Choose between (B, h, w, C) and levels of (B, h, w, C_conv).

        Returns:
            Tensor: (B, h, w, C).
        """
        if self.branch == 'vit':
            return vit
        return self.conv_project(torch.cat(conv, dim=-1))
