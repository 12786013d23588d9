"""DB-SAM's image encoder as a backbone of mmsegmentation."""

from typing import List, Optional, Sequence, Tuple, Union

from mmengine.model import BaseModule
from mmengine.registry import DefaultScope
from torch import Tensor

from mmdbsam.errors import InputError
from mmdbsam.models.encoders.simple_pyramid import SimplePyramid
from mmdbsam.registry import MODELS
from mmdbsam.weights.loading import load_image_encoder


@MODELS.register_module()
class DualBranchBackbone(BaseModule):
    """An image encoder that gives a pyramid of maps, for heads of mmseg.

    In a config of mmsegmentation its type is ``mmdbsam.DualBranchBackbone``;
    mmseg then imports this package, as it does for mmpretrain's backbones.
    All of SAM's stages have the same stride, which a :class:`.SimplePyramid`
    brings to those that heads want.

    Args:
        encoder: Config of the :class:`.DualBranchEncoder`, with any of its
            blocks.
        out_indices: The maps of :meth:`.DualBranchEncoder.stage_maps` that the
            levels are made from, in the levels' order. The last map is the
            embedding, into which both branches lead. A map may be taken
            several times.
        strides: The stride of each level, in pixels of the input.
        frozen: Whether nothing of the encoder is trained, so that it remains
            that of the promptable model whose weights it started from.
        pretrained: Path of a checkpoint of the promptable model, of SAM's or
            of this project's, from which the encoder takes its weights; the
            name of own weights; or a list of these, of which each replaces
            weights of those before it.

    Attributes:
        channels (list[int]): The channels of each level, which are the
            ``in_channels`` of a head.

    Raises:
        InputError: If a map does not exist, if there are not as many strides
            as maps, or if a stride is no power of 2 from that of its map.
    """

    def __init__(self,
                 encoder: dict,
                 out_indices: Sequence[int] = (0, 1, 2, 3),
                 strides: Sequence[int] = (4, 8, 16, 32),
                 frozen: bool = False,
                 pretrained: Union[str, Sequence[str], None] = None,
                 init_cfg: Optional[dict] = None) -> None:
        super().__init__(init_cfg)
        # In a config of mmseg's scope, the blocks need no prefix.
        with DefaultScope.overwrite_default_scope('mmdbsam'):
            self.encoder = MODELS.build(encoder)
        count = len(self.encoder.stage_channels)
        if not all(index in range(count) for index in out_indices):
            raise InputError('out_indices: expected indices of the '
                             f"encoder's {count} maps, found "
                             f'{tuple(out_indices)}')
        if len(strides) != len(out_indices):
            raise InputError('strides: expected one for each of the '
                             f'{len(out_indices)} out_indices, found '
                             f'{tuple(strides)}')
        self.out_indices = tuple(out_indices)
        self.channels = [self.encoder.stage_channels[i] for i in out_indices]
        self.pyramid = SimplePyramid(
            self.channels,
            [self.encoder.stage_strides[i] for i in out_indices], strides)
        self.frozen = frozen
        self.pretrained = ([pretrained] if isinstance(pretrained, str)
                           else list(pretrained or ()))
        if frozen:
            self.encoder.requires_grad_(False)
            self.encoder.eval()

    def init_weights(self) -> None:
        """Initialise the backbone, then load its pretrained weights, if any.

        Raises:
            InputError: If the weights are missing or of another architecture.
        """
        super().init_weights()
        for i, path in enumerate(self.pretrained):
            load_image_encoder(self.encoder, path, is_first=i == 0)

    def forward(self, images: Tensor) -> Tuple[Tensor, ...]:
        """Make the levels (B, C, S / stride, S / stride) of images.

        Args:
            images: The normalised images, (B, 3, S, S).
        """
        return self.levels(self.encoder.stage_maps(images))

    def levels(self, maps: List[Tensor]) -> Tuple[Tensor, ...]:
        """Make the levels from :meth:`.DualBranchEncoder.stage_maps`."""
        return tuple(self.pyramid([maps[i] for i in self.out_indices]))

    def train(self, mode: bool = True) -> 'DualBranchBackbone':
        """Set the mode; a frozen encoder stays in evaluation mode."""
        super().train(mode)
        if self.frozen:
            self.encoder.eval()
        return self
